// In: { takes: [{ number, title, name, thumbnail, desk, changed, lanes, files }] }, newest first, or nothing yet; a lane is
// { lane, name, sound, run, asked, heard, distance, asked_words, heard_words }, a file { address, file, title, note, size }.
// Out: the event "desk" with { number }. Two takes of one lane are played by assets/ui/twosome.js, in step.
const { drawPlane, text, put, makeTwosome } = window.ekphonia;
const box = element.querySelector('.ek-takes');
const at = (name) => box.querySelector(name);
const ab = at('.ek-ab'), list = at('.ek-takes-list'), kinds = [...box.querySelectorAll('.ek-kind button')];
const root = (window.gradio_config && window.gradio_config.root) || '';
const SIDES = ['A', 'B'];
const chosen = { A: null, B: null, lane: null }; // what the visitor chose, else the last two
let takes = [], pair = null;

const twosome = makeTwosome(ab, {
  name: (side) => text('takes.side', { side, title: pair[side].take.title }),
  root,
});

// ---- which two ----
const laneOf = (take, lane) => take.lanes.find((one) => one.lane === lane);
const having = (lane) => takes.filter((take) => laneOf(take, lane));

// The newest take with the newest that sounds otherwise: what was carried over from one take to the next sounds the same.
function lastTwo(lane) {
  const [newest, ...older] = having(lane);
  if (!newest) return null;
  const other = older.find((take) => laneOf(take, lane).run !== laneOf(newest, lane).run) || older[0];
  return other ? { A: other, B: newest } : null;
}

function laneToCompare() {
  if (chosen.lane && lastTwo(chosen.lane)) return chosen.lane;
  const lanes = ['symbolic', 'waveform'].filter(lastTwo);
  const differs = (lane) => laneOf(lastTwo(lane).A, lane).run !== laneOf(lastTwo(lane).B, lane).run;
  const fresh = (lane) => lastTwo(lane).B === takes[0] && lastTwo(lane).A === takes[1] && differs(lane);
  return lanes.find(fresh) || lanes.find(differs) || lanes[0] || null;
}

function choosePair() {
  const lane = laneToCompare(), last = lane && lastTwo(lane);
  if (!last) return null;
  const kept = (side) => having(lane).find((take) => take.number === chosen[side]) || null;
  const made = {};
  for (const [side, other] of [SIDES, [...SIDES].reverse()]) {
    const take = kept(side) || [last[side], last[other]].find((one) => one !== kept(other)) || last[side];
    made[side] = { take, ...laneOf(take, lane) };
  }
  return { ...made, lane };
}

function choose(side, number) {
  const other = side === 'A' ? 'B' : 'A';
  for (const one of SIDES) chosen[one] = pair[one].take.number;
  if (chosen[other] === number) chosen[other] = chosen[side]; // they change places
  chosen[side] = number;
  compare();
}

// ---- the comparison ----
function compare() {
  pair = choosePair();
  ab.hidden = !pair;
  if (pair) showPair();
  else twosome.take(null);
  for (const row of list.children) settleRow(row);
}

function showPair() {
  for (const button of kinds) {
    button.hidden = !lastTwo(button.dataset.lane);
    button.setAttribute('aria-pressed', String(button.dataset.lane === pair.lane));
  }
  ab.querySelectorAll('.ek-switch span').forEach((node, place) => put(node, pair[SIDES[place]].take.title));
  twosome.take(Object.fromEntries(SIDES.map((side) => [side, pair[side].sound])));
  at('.ek-ab-told').replaceChildren(...SIDES.map(told));
  const points = SIDES.flatMap((side, place) => {
    const { asked, heard } = pair[side], from = 2 * place, named = (key) => text(key, { side });
    const there = [{ ...asked, valence_sd: 0, arousal_sd: 0, kind: place ? 'asked-too' : 'asked', name: named('takes.point_asked'), from: null }];
    if (heard) there.push({ ...heard, kind: place ? 'heard-too' : 'heard', name: named('takes.point_heard'), from });
    return there;
  });
  if (!pair.A.heard && pair.B.heard) points[2].from = 1;
  drawPlane(at('.ek-plane'), points.map((point) => ({ ...point, valence_sd: 0, arousal_sd: 0 })));
}

function told(side) {
  const item = document.createElement('li'), letter = document.createElement('b'), words = document.createElement('span');
  item.className = `ek-told-${side.toLowerCase()}`;
  letter.textContent = side;
  put(words, sentence(pair[side]));
  item.append(letter, ' ', words);
  return item;
}

function sentence({ asked_words: asked, heard_words: heard, distance }) {
  return { key: heard ? 'takes.asked_heard' : 'takes.asked', values: { asked, heard, distance } };
}

// ---- the rows ----
function made(name, classes, message) {
  const node = document.createElement(name);
  if (classes) node.className = classes;
  if (message !== undefined) put(node, message);
  return node;
}

const keyed = (key, values) => ({ key, values: values || {} });

function row(take) {
  const item = made('li', 'ek-take'), picture = made('img'), about = made('div', 'ek-take-about');
  item.dataset.number = take.number;
  picture.src = take.thumbnail;
  picture.alt = text('takes.picture', { name: take.name });
  const head = made('p', 'ek-take-head');
  head.append(made('h3', '', take.title), made('span', 'ek-take-desk', keyed('takes.on_desk')), made('span', 'ek-take-changed', take.changed));
  about.append(head, ...take.lanes.map(laneLine));
  item.append(picture, about, acts(take));
  return item;
}

function laneLine(lane) {
  const line = made('p', 'ek-take-lane'), name = made('b', '', lane.name), words = made('span', '', sentence(lane));
  line.append(name, ' ', words);
  return line;
}

function acts(take) {
  const bar = made('div', 'ek-take-acts');
  const picks = SIDES.map((side) => {
    const button = made('button', 'ek-pick');
    button.textContent = side;
    button.dataset.side = side;
    button.setAttribute('aria-label', text('takes.as', { title: take.title, side }));
    button.addEventListener('click', () => choose(side, take.number));
    return button;
  });
  const back = made('button', 'ek-back', keyed('takes.put_back'));
  back.setAttribute('aria-label', text('takes.put_back_this', { title: take.title }));
  back.addEventListener('click', () => trigger('desk', { number: take.number }));
  for (const button of [...picks, back]) button.type = 'button';
  bar.append(...picks, back, downloads(take));
  return bar;
}

function downloads(take) {
  const more = made('details', 'ek-take-files'), title = made('summary', '', keyed('takes.files')), links = made('ul');
  title.setAttribute('aria-label', text('takes.files_of', { title: take.title }));
  links.append(...take.files.map(({ address, file, title: name, note, size }) => {
    const item = made('li'), link = made('a');
    link.href = root + address;
    link.download = file;
    link.append(made('strong', '', name), ' ', made('span', '', note), ' ', made('em', '', size));
    item.append(link);
    return item;
  }));
  more.append(title, links);
  return more;
}

// What may change of a row that stays: whether it is on the desk, and whether it is A or B.
function settleRow(row) {
  const take = takes.find(({ number }) => number === Number(row.dataset.number));
  row.classList.toggle('ek-is-desk', take.desk);
  row.querySelector('.ek-take-desk').hidden = !take.desk;
  const back = row.querySelector('.ek-back');
  back.setAttribute('aria-disabled', String(take.desk));
  for (const button of row.querySelectorAll('.ek-pick')) {
    button.hidden = !pair || !laneOf(take, pair.lane);
    button.setAttribute('aria-pressed', String(Boolean(pair) && pair[button.dataset.side].take.number === take.number));
  }
}

const rows = new Map(); // by what they show, so that a focused button and open files stay while the list grows
function paint() {
  takes = (props.value && props.value.takes) || [];
  const shown = takes.map((take) => JSON.stringify({ ...take, desk: false }));
  for (const key of rows.keys()) if (!shown.includes(key)) rows.delete(key);
  shown.forEach((key, place) => { if (!rows.has(key)) rows.set(key, row(takes[place])); });
  const nodes = shown.map((key) => rows.get(key));
  nodes.forEach((node, place) => { if (list.children[place] !== node) list.insertBefore(node, list.children[place] || null); });
  while (list.children.length > nodes.length) list.lastChild.remove();
  box.dataset.empty = String(!takes.length);
  at('.ek-takes-empty').hidden = takes.length > 1;
  compare();
}

for (const button of kinds) {
  button.addEventListener('click', () => {
    Object.assign(chosen, { A: null, B: null, lane: button.dataset.lane });
    compare();
  });
}
watch('value', paint);
paint();
