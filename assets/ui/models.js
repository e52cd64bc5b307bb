// In: { rows: [{ role, title, name, licence, size, origin, here, stand_in, may_fetch }], fetch: { role, part, text } or null }.
// Out: the events "fetch" with { role } and "cancel".
const list = element.querySelector('ul');

function node(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function action(row, under) {
  const foot = node('div', 'ek-model-foot', '');
  if (under) {
    foot.append(node('p', 'ek-model-progress', under.text));
    foot.lastChild.setAttribute('role', 'status');
  }
  const going = under && under.part !== null;
  if (going) {
    const bar = document.createElement('progress');
    bar.max = 1;
    bar.value = under.part;
    bar.setAttribute('aria-label', `Fetching ${row.name}`);
    foot.append(bar);
  }
  if (going || row.may_fetch) {
    const button = node('button', 'ek-model-button', going ? 'Stop' : `Fetch ${row.name}, ${row.size}`);
    button.type = 'button';
    button.addEventListener('click', () => (going ? trigger('cancel', {}) : trigger('fetch', { role: row.role })));
    foot.append(button);
  }
  return foot;
}

function item(row, fetching) {
  const made = document.createElement('li');
  const title = node('p', 'ek-model-title', '');
  title.append(node('strong', '', row.title), node('span', 'ek-model-state', row.here ? 'the paper’s model is here' : `now: ${row.stand_in}`));
  const about = node('p', 'ek-model-about', `In the paper: ${row.name} (${row.origin}, ${row.licence}, ${row.size})`);
  made.append(title, about, action(row, fetching && fetching.role === row.role ? fetching : null));
  return made;
}

function paint() {
  const value = props.value || { rows: [], fetch: null };
  list.replaceChildren(...value.rows.map((row) => item(row, value.fetch)));
}

watch('value', paint);
paint();
