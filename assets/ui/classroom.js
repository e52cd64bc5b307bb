// In: see page/classroom_panel.py. Out: its events, each with the number `ask`, which the value's `reply` answers. What one
// listener is doing (name, piece, mark) lives here and in the tab's session storage, never on the server but as marks.
const { drawPlane, pointAt, text: words, said, put, number } = window.ekphonia;
const box = element.querySelector('.ek-class');
const at = (name) => box.querySelector(name);
const PATIENCE_MS = 20000, LOOK_EVERY_MS = 4000, STEP = 0.1, LEAP = 0.5;
const ARROWS = { ArrowLeft: ['valence', -1], ArrowRight: ['valence', 1], ArrowDown: ['arousal', -1], ArrowUp: ['arousal', 1] };
const root = (window.gradio_config && window.gradio_config.root) || '';
const address = (path) => root + path;
const plane = at('.ek-class-mark .ek-plane'), audio = at('.ek-class-mark audio');
const sliders = { valence: at('.ek-class-valence'), arousal: at('.ek-class-arousal') };
let shown = { view: 'empty', pieces: [], progress: [] };
let me = null, mark = null, since = 0, passing = false, asked = 0, drawn = '';
const waiting = new Map();

// ---- asking the server ----
function ask(name, data = {}) {
  const number = ++asked;
  trigger(name, { ask: number, code: shown.code, key: shown.key || undefined, ...data });
  return new Promise((resolve) => {
    waiting.set(number, resolve);
    setTimeout(() => { if (waiting.delete(number)) { say(words('class.no_answer'), 'warning'); resolve(null); } }, PATIENCE_MS);
  });
}

function say(text, kind = 'done') { // a string is the page's own; what Python sends is a message, or { parts }
  const line = at('.ek-class-line');
  line.dataset.kind = kind;
  if (typeof text === 'object') put(line, text);
  else if (line.textContent !== text) line.textContent = text;
}

// ---- one listener ----
const store = () => `ekphonia-class-${shown.code}`;
function keep() { try { sessionStorage.setItem(store(), JSON.stringify({ me, passing })); } catch { /* private browsing: a reload begins anew */ } }
function recall() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(store()) || 'null');
    if (kept) { me = kept.me; passing = kept.passing && shown.view === 'teacher'; }
  } catch { /* nothing kept */ }
}
const newProof = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

function leaveListener() {
  audio.pause();
  me = null;
  at('#ek-class-listener').value = '';
  keep();
}

async function begin(event) {
  event.preventDefault();
  const value = await ask('admit', { listener: at('#ek-class-listener').value });
  if (!value || !value.reply.fine || !value.admitted) return;
  me = { name: value.admitted, proof: newProof(), place: 0, marks: {} };
  keep();
  paint();
  showPiece();
}

function showPiece() {
  const piece = shown.pieces[me.place];
  if (!piece) { paint(); at('.ek-class-thanks').focus(); return; }
  audio.src = address(piece.sound);
  audio.setAttribute('aria-label', words('class.piece', piece));
  mark = me.marks[piece.number] || null;
  since = Date.now();
  paintMark();
  paint();
  say(`${words('class.piece_of', { number: me.place + 1, count: shown.pieces.length })}.`);
  at('.ek-class-title').focus({ preventScroll: true });
  box.scrollIntoView({ block: 'start' });
}

const side = (value) => (value < 4.2 ? 'low' : value > 5.8 ? 'high' : '');
const near = (value, axis) => words(side(value) ? `class.at_${side(value)}_${axis}` : 'class.at_middle', { value });
function paintMark() {
  drawPlane(plane, mark ? [{ ...mark, valence_sd: 0, arousal_sd: 0, kind: 'asked', name: words('class.your_mark') }] : []);
  for (const [axis, slider] of Object.entries(sliders)) {
    const value = mark ? mark[axis] : 5;
    slider.value = value;
    slider.setAttribute('aria-valuetext', mark ? near(value, axis) : words('class.not_marked'));
    slider.nextElementSibling.textContent = mark ? number(value, '1') : '–';
  }
}

function place(point) {
  const within = (value) => Math.round(Math.min(9, Math.max(1, value)) * 10) / 10;
  mark = { valence: within(point.valence), arousal: within(point.arousal) };
  paintMark();
}

async function next(event) {
  event.preventDefault();
  if (!mark) { say(words('class.please_mark'), 'warning'); plane.focus(); return; }
  const button = at('.ek-class-next');
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  const piece = shown.pieces[me.place].number;
  const value = await ask('mark', { listener: me.name, proof: me.proof, piece, ...mark, seconds: (Date.now() - since) / 1000 });
  button.removeAttribute('aria-disabled');
  if (!value || !value.reply.fine) return;
  me.marks[piece] = mark;
  me.place += 1;
  audio.pause();
  keep();
  showPiece();
  if (!shown.pieces[me.place]) say(words('class.all_saved'));
}

// ---- the maker ----
function twice(button, act) {
  const name = button.textContent;
  let sure = false;
  const calm = () => { sure = false; button.textContent = name; };
  button.addEventListener('click', () => {
    if (!sure) { sure = true; button.textContent = button.dataset.sure; say(words('class.press_again', { question: button.dataset.sure })); setTimeout(calm, 8000); return; }
    calm();
    act();
  });
}

// ---- the reveal ----
const SVG = 'http://www.w3.org/2000/svg';
function spots(svg, marks) {
  const edge = svg.querySelector('.ek-edge'), of = (name) => Number(edge.getAttribute(name)); // the plane's own frame
  for (const one of marks) {
    const dot = document.createElementNS(SVG, 'circle');
    dot.setAttribute('cx', of('x') + ((one.valence - 1) / 8) * of('width'));
    dot.setAttribute('cy', of('y') + ((9 - one.arousal) / 8) * of('height'));
    dot.setAttribute('r', 4);
    dot.setAttribute('class', 'ek-class-spot');
    const title = document.createElementNS(SVG, 'title');
    title.textContent = one.listener;
    dot.append(title);
    svg.insertBefore(dot, svg.querySelector('.ek-point') || null);
  }
}

function make(name, properties = {}, ...inside) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...inside);
  return node;
}

function card(piece) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'ek-plane');
  svg.setAttribute('viewBox', '0 0 340 334');
  svg.setAttribute('role', 'img');
  const still = { valence_sd: 0, arousal_sd: 0 };
  const points = [{ ...piece.wanted, ...still, kind: 'asked', name: words('class.mark_wanted') }, { ...piece.heard, ...still, kind: 'heard-too', name: words('class.point_model') }];
  if (piece.mean) points.splice(1, 0, { ...piece.mean, ...still, kind: 'heard', name: words('class.point_listeners') });
  drawPlane(svg, points);
  spots(svg, piece.marks);
  const player = make('audio', { controls: true, preload: 'none', src: address(piece.sound) });
  player.setAttribute('aria-label', words('class.piece', piece));
  const list = make('ul', {}, ...piece.marks.map((one) => make('li', { textContent: words('class.one_mark', { ...one, name: one.listener }) })));
  const all = make('details', {}, make('summary', { textContent: words('class.all_marks', piece) }), list);
  const image = make('img', { src: address(piece.image), alt: words('class.picture_of', piece), loading: 'lazy' });
  const left = make('div', {}, image, player);
  const right = make('div', {}, svg);
  const below = make('div', { className: 'ek-class-words' }, make('p', { textContent: said(piece.text) }), ...(piece.marks.length ? [all] : []));
  return make('li', {}, make('h3', { textContent: words('class.piece_was', piece) }), make('div', { className: 'ek-class-two' }, left, right), below);
}

// ---- painting ----
function paintTeacher() {
  const whole = location.origin + location.pathname + (shown.link || '');
  at('.ek-class-code').textContent = shown.spelled || '';
  at('.ek-class-link').value = whole;
  at('.ek-class-own').value = `${whole}&key=${shown.key}`;
  for (const node of box.querySelectorAll('.ek-class-open')) node.hidden = Boolean(shown.revealed);
  at('.ek-class-over').textContent = shown.revealed ? words('class.over') : '';
  at('.ek-class-none').hidden = shown.progress.length > 0;
  const count = shown.pieces.length;
  at('.ek-class-progress').replaceChildren(...shown.progress.map((one) => make('li', { textContent: words('class.progress_of', { name: one.name, done: one.count, count }) })));
  const files = shown.files, area = at('.ek-class-files');
  area.hidden = !files;
  if (!files) return;
  put(at('.ek-class-caution'), `${files.headline} ${files.caution}`);
  if (area.querySelector('img').getAttribute('src') !== address(files.plot)) area.querySelector('img').src = address(files.plot);
  area.querySelector('ul').replaceChildren(...files.rows.map((row) => make('li', {},
    make('a', { href: address(row.address), download: row.name }, make('strong', { textContent: said(row.title) }), make('span', { textContent: [row.note, row.size].map(said).join(words('list.commas')) })))));
}

function paint() {
  const listening = !shown.revealed && (shown.view === 'listen' || (shown.view === 'teacher' && passing));
  const done = listening && me && me.place >= shown.pieces.length;
  box.dataset.view = listening ? 'listen' : shown.view;
  at('.ek-class-enter').hidden = shown.view !== 'empty';
  at('.ek-class-part').hidden = shown.view !== 'making';
  at('.ek-class-part').value = shown.part || 0;
  at('.ek-class-teacher').hidden = shown.view !== 'teacher' || listening;
  at('.ek-class-listen').hidden = !listening;
  at('.ek-class-name').hidden = Boolean(me);
  at('.ek-class-mark').hidden = !me || done;
  at('.ek-class-done').hidden = !done;
  at('.ek-class-another').hidden = !passing;
  at('.ek-class-look').hidden = passing;
  at('.ek-class-leave').hidden = !passing;
  at('.ek-class-wait').textContent = words(passing ? 'class.pass_on' : 'class.wait');
  at('.ek-class-count').textContent = words('class.you_will_hear', { n: shown.pieces.length });
  if (me && !done && shown.pieces.length) {
    at('.ek-class-title').textContent = words('class.piece_of', { number: me.place + 1, count: shown.pieces.length });
    at('.ek-class-next').textContent = words(me.place + 1 < shown.pieces.length ? 'class.next' : 'class.finish');
    at('.ek-class-back').hidden = me.place === 0;
  }
  if (shown.view === 'teacher') paintTeacher();
  const reveal = shown.revealed && shown.reveal ? shown.reveal : null, now = JSON.stringify(reveal);
  at('.ek-class-revealed').hidden = !reveal;
  if (now !== drawn) { drawn = now; at('.ek-class-revealed ol').replaceChildren(...(reveal || []).map(card)); }
}

function take() {
  const value = props.value || {};
  if (value.view && value.code !== shown.code) { me = null; passing = false; shown = {}; }
  if (value.view === 'empty' || value.view === 'making') shown = {};
  const earlier = shown;
  shown = { pieces: [], progress: [], view: 'empty', ...earlier, ...value };
  if (value.view && value.code && !earlier.code) { recall(); if (me && !shown.revealed) showPiece(); }
  if (shown.revealed) { passing = false; audio.pause(); }
  if (value.text) say({ parts: [value.text], between: 'list.sentences' }, value.kind);
  paint();
  const reply = value.reply, resolve = reply && waiting.get(reply.ask);
  if (resolve) { waiting.delete(reply.ask); resolve(value); }
}

for (const slider of Object.values(sliders)) {
  slider.addEventListener('input', () => place({ valence: Number(sliders.valence.value), arousal: Number(sliders.arousal.value) }));
}
for (const type of ['pointerdown', 'pointermove']) {
  plane.addEventListener(type, (event) => {
    if (type === 'pointermove' && !plane.hasPointerCapture(event.pointerId)) return;
    if (type === 'pointerdown') plane.setPointerCapture(event.pointerId);
    event.preventDefault();
    place(pointAt(plane, event));
  });
}
plane.addEventListener('keydown', (event) => {
  const [axis, way] = ARROWS[event.key] || [];
  if (!axis) return;
  event.preventDefault();
  const from = mark || { valence: 5, arousal: 5 };
  place({ ...from, [axis]: from[axis] + way * (event.shiftKey ? LEAP : STEP) });
  say(words('class.at', mark));
});
at('.ek-class-enter').addEventListener('submit', (event) => { event.preventDefault(); ask('arrive', { code: at('#ek-class-code').value }); });
at('.ek-class-name').addEventListener('submit', begin);
at('.ek-class-mark').addEventListener('submit', next);
at('.ek-class-back').addEventListener('click', () => { me.place -= 1; keep(); showPiece(); });
at('.ek-class-another').addEventListener('click', () => { leaveListener(); paint(); at('#ek-class-listener').focus(); });
at('.ek-class-pass').addEventListener('click', () => { passing = true; leaveListener(); paint(); at('#ek-class-listener').focus(); });
at('.ek-class-leave').addEventListener('click', () => { passing = false; leaveListener(); paint(); ask('look'); });
at('.ek-class-look').addEventListener('click', async () => {
  await ask('arrive');
  if (!shown.revealed) say(words('class.goes_on'));
});
at('.ek-class-report').addEventListener('click', () => ask('report'));
twice(at('.ek-class-reveal-it'), () => ask('reveal'));
twice(at('.ek-class-forget'), () => ask('forget'));
for (const field of box.querySelectorAll('input[readonly]')) field.addEventListener('focus', () => field.select());
setInterval(() => {
  if (shown.view === 'teacher' && !passing && !shown.revealed && !document.hidden && box.offsetParent && !waiting.size) ask('look');
}, LOOK_EVERY_MS);

watch('value', take);
take();
