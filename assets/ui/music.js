// In: what the player takes (player.js), and { lane, text, made_by, trouble, notes, bars_ms, sections }, growing within a
// run; the three lists are texts, the items of a JSON list without its brackets.
const box = element.querySelector('.ek-music');
const at = (name) => box.querySelector(name);
const canvas = at('canvas');
const FADE_MS = 350;
const NOTHING = { notes: [], bars_ms: [], sections: [] };
const still = window.matchMedia('(prefers-reduced-motion: reduce)');
let shown = NOTHING;
const lastS = () => (shown.bars_ms[shown.bars_ms.length - 1] || 0) / 1000;
const player = window.ekphonia.makePlayer(box, { name: 'the piano', rate: 44100, lastS, draw, sound: () => {} });
canvas.addEventListener('click', (event) => {
  if (!player.available()) return;
  const scale = geometry();
  player.goTo(Math.max(0, Math.min(player.length(), (event.offsetX - scale.left) / scale.perSecond)));
});

let born = [];

function geometry() {
  const width = canvas.clientWidth, height = canvas.clientHeight, left = 10, right = 10, top = 26, bottom = 10;
  let low = 45, high = 79;
  for (const note of shown.notes) { low = Math.min(low, note[2] - 1); high = Math.max(high, note[2] + 1); }
  return { width, height, left, top, bottom: height - bottom, low, high,
    perSecond: (width - left - right) / Math.max(1, player.length()),
    perPitch: (height - top - bottom) / (high - low + 1) };
}

function colours() {
  const style = getComputedStyle(box);
  const of = (name) => style.getPropertyValue(name).trim();
  return { mood: of('--ek-mood'), line: of('--ek-line'), soft: of('--ek-soft'), ink: of('--ek-ink'), well: of('--ek-band'), font: style.fontFamily };
}

function drawGround(pen, scale, colour) {
  pen.fillStyle = colour.well;
  for (let pitch = scale.low; pitch <= scale.high; pitch++) {
    if ([1, 3, 6, 8, 10].includes(((pitch % 12) + 12) % 12)) pen.fillRect(scale.left, rowOf(pitch, scale), scale.width - 20, scale.perPitch);
  }
  pen.fillStyle = colour.line;
  for (const bar of shown.bars_ms) pen.fillRect(Math.round(scale.left + (bar / 1000) * scale.perSecond), scale.top, 1, scale.bottom - scale.top);
  pen.font = `700 12px ${colour.font}`;
  pen.textBaseline = 'middle';
  for (const [name, begin, end] of shown.sections) {
    const from = scale.left + (begin / 1000) * scale.perSecond, to = scale.left + (end / 1000) * scale.perSecond;
    pen.fillStyle = colour.line;
    pen.fillRect(from, 18, Math.max(2, to - from - 4), 2);
    pen.fillStyle = colour.soft;
    if (to - from > 18) pen.fillText(name, from + 1, 9);
  }
}

const rowOf = (pitch, scale) => scale.top + (scale.high - pitch) * scale.perPitch;

function drawNote(pen, scale, [from, to, pitch, velocity], colour, strength) {
  const left = scale.left + (from / 1000) * scale.perSecond;
  const width = Math.max(2.5, ((to - from) / 1000) * scale.perSecond - 1);
  const height = Math.max(3.5, scale.perPitch - 0.5);
  const loud = 0.55 + 0.45 * Math.min(1, Math.max(0, (velocity - 30) / 80));
  pen.globalAlpha = colour === 'ink' ? 1 : loud * Math.min(1, Math.max(0.05, strength));
  pen.beginPath();
  pen.roundRect(left, rowOf(pitch, scale) + (scale.perPitch - height) / 2, width, height, Math.min(2.5, height / 2));
  pen.fill();
}

function penOf(surface, width, height, ratio) {
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (surface.width !== wide || surface.height !== high) { surface.width = wide; surface.height = high; }
  const pen = surface.getContext('2d');
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

// What stands still is drawn once, on a layer of its own: ground and notes that have faded in.
const layer = document.createElement('canvas');
let stale = true, layerScale = '', fresh = [];

function drawLayer(scale, colour, ratio, now) {
  const pen = penOf(layer, scale.width, scale.height, ratio);
  drawGround(pen, scale, colour);
  pen.fillStyle = colour.mood;
  fresh = [];
  shown.notes.forEach((note, number) => {
    if (!still.matches && now - born[number] < FADE_MS) fresh.push(number);
    else drawNote(pen, scale, note, 'mood', 1);
  });
  stale = false;
}

function drawMoving(pen, scale, colour, now) {
  pen.fillStyle = colour.mood;
  for (const number of fresh) drawNote(pen, scale, shown.notes[number], 'mood', (now - born[number]) / FADE_MS);
  const here = player.position() * 1000;
  pen.fillStyle = colour.ink;
  if (player.playing()) for (const note of shown.notes) if (note[0] <= here && here < note[1]) drawNote(pen, scale, note, 'ink', 1);
  pen.globalAlpha = 1;
  if (player.available()) pen.fillRect(scale.left + (here / 1000) * scale.perSecond - 0.75, scale.top - 8, 1.5, scale.bottom - scale.top + 8);
}

function draw(now) {
  const ratio = window.devicePixelRatio || 1;
  const scale = geometry();
  const pen = penOf(canvas, scale.width, scale.height, ratio);
  if (!shown.notes.length || !canvas.width || !canvas.height) return false;
  const colour = colours(), key = JSON.stringify([scale, ratio, colour]);
  if (fresh.length && fresh.every((number) => now - born[number] >= FADE_MS)) stale = true;
  if (stale || key !== layerScale) drawLayer(scale, colour, ratio, now);
  layerScale = key;
  pen.drawImage(layer, 0, 0, scale.width, scale.height);
  drawMoving(pen, scale, colour, now);
  return fresh.length > 0;
}

// Read once for each message: while it is drawn, nothing asks Gradio's reactive copy of the value.
function read(value) {
  shown = { ...NOTHING };
  if (value) for (const name of Object.keys(NOTHING)) shown[name] = JSON.parse(`[${value[name] || ''}]`);
}

function empty() {
  for (const part of ['.ek-lane', '.ek-made', '.ek-caption', '.ek-trouble']) at(part).textContent = '';
  canvas.setAttribute('aria-label', 'Piano roll, empty');
}

function paint() {
  const value = props.value && props.value.run ? props.value : null;
  box.dataset.state = value ? 'shown' : 'empty';
  read(value);
  if (player.take(value)) born = [];
  if (!value) { empty(); return; }
  const now = performance.now();
  const count = shown.notes.length;
  while (born.length < count) born.push(now);
  born.length = count;
  stale = true;
  at('.ek-lane').textContent = value.lane;
  at('.ek-trouble').textContent = value.trouble;
  const { notes, sound } = value.made_by;
  at('.ek-made').textContent = [notes && `composed by the ${notes}`, sound && `played by ${sound}`].filter(Boolean).join(', ');
  at('.ek-caption').textContent = value.text;
  canvas.setAttribute('aria-label', `Piano roll. ${value.text}`);
  player.follow();
}

new ResizeObserver(player.follow).observe(canvas);
new MutationObserver(player.follow).observe(document.body, { attributes: true, attributeFilter: ['class'] });
document.documentElement.addEventListener('transitionend', player.follow);
new MutationObserver(() => setTimeout(player.follow, 1000)).observe(document.documentElement, { attributes: true, attributeFilter: ['data-mood'] });
watch('value', paint);
paint();
