// In: { rows: [{ role, title, name, licence, size, origin, here, stand_in, may_fetch, note }], fetch: { role, part, text } or null }.
// Out: the events "fetch" with { role } and "cancel".
// A row is made once; afterwards only its words, its bar and its button change, so that the keyboard stays where it is.
const { text: say, put } = window.ekphonia;
const list = element.querySelector('ul');
const items = new Map();

function node(name, className, parent) {
  const made = document.createElement(name);
  made.className = className;
  parent.append(made);
  return made;
}

function makeItem(role) {
  const row = node('li', 'ek-model', list);
  row.tabIndex = -1;
  const title = node('p', 'ek-model-title', row);
  const parts = { row, name: node('strong', '', title), state: node('span', 'ek-model-state', title), about: node('p', 'ek-model-about', row) };
  parts.note = node('p', 'ek-model-about', row);
  parts.progress = node('p', 'ek-model-progress', row);
  parts.progress.setAttribute('role', 'status');
  parts.foot = node('div', 'ek-model-foot', row);
  parts.bar = node('progress', '', parts.foot);
  parts.bar.max = 1;
  parts.button = node('button', 'ek-model-button', parts.foot);
  parts.button.type = 'button';
  parts.button.addEventListener('click', () => (parts.going ? trigger('cancel', {}) : trigger('fetch', { role })));
  items.set(role, parts);
  return parts;
}

// A part that goes away while the keyboard is in it hands it to the row.
function show(part, shown, row) {
  if (!shown && document.activeElement === part) row.focus();
  part.hidden = !shown;
  part.style.display = shown ? '' : 'none';
}

const sentence = (note) => (note ? `${note[0].toUpperCase()}${note.slice(1)}.` : '');

function paintItem(row, fetching) {
  const parts = items.get(row.role) || makeItem(row.role);
  const under = fetching && fetching.role === row.role ? fetching : null;
  parts.going = Boolean(under) && under.part !== null;
  put(parts.name, row.title);
  put(parts.state, row.here ? { key: 'models.here' } : { key: 'models.now', values: { name: row.stand_in } });
  put(parts.about, { key: 'models.in_paper', values: row });
  put(parts.note, typeof row.note === 'string' ? sentence(row.note) : row.note);
  show(parts.note, Boolean(row.note), parts.row);
  put(parts.progress, under ? under.text : '');
  if (parts.going) parts.bar.value = under.part;
  parts.bar.setAttribute('aria-label', say('models.fetching', row));
  show(parts.bar, parts.going, parts.row);
  put(parts.button, parts.going ? { key: 'settings.stop' } : { key: 'models.fetch', values: row });
  parts.button.disabled = Boolean(fetching) && fetching.part !== null && !parts.going;
  show(parts.button, parts.going || row.may_fetch, parts.row);
  show(parts.foot, parts.going || row.may_fetch, parts.row);
}

function paint() {
  const value = props.value || { rows: [], fetch: null };
  for (const row of value.rows) paintItem(row, value.fetch);
}

watch('value', paint);
paint();
