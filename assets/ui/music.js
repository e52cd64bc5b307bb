// In: what the player takes (player.js), and { lane, text, made_by, trouble, notes, bars_ms, sections }, growing within a
// run; the three lists are texts, the items of a JSON list without its brackets. A note is [start and end in ms, pitch,
// velocity], and what is not melody has 1 (inner voice) or 2 (bass) behind.
const { text: say, put } = window.ekphonia;
const box = element.querySelector('.ek-music');
const at = (name) => box.querySelector(name);
const canvas = at('canvas');
const FADE_MS = 350, TOP = 26, BOTTOM = 24, LEFT = 10, LABEL_PX = 34;
const NOTHING = { notes: [], bars_ms: [], sections: [] };
const VOICES = ['melody', 'inner', 'bass'];
const still = window.matchMedia('(prefers-reduced-motion: reduce)');
let shown = NOTHING, born = [], range = [45, 79], version = 0;
const barsS = () => shown.bars_ms.map((bar) => bar / 1000);
const lastS = () => (shown.bars_ms[shown.bars_ms.length - 1] || 0) / 1000;
const player = window.ekphonia.makePlayer(box, { name: 'piano', rate: 44100, lastS, draw, sound: () => {} });
const swatches = Object.fromEntries(VOICES.map((voice) => [voice, at(`[data-voice=${voice}] i`)]));
const timeline = window.ekphonia.makeTimeline(box, { player, left: () => LEFT, bars: barsS, where, swatches });

// ---- where one is: the bar, and the triad that explains its notes best ----
const ROOTS = {
  major: ['c', 'd_flat', 'd', 'e_flat', 'e', 'f', 'f_sharp', 'g', 'a_flat', 'a', 'b_flat', 'b'],
  minor: ['c', 'c_sharp', 'd', 'e_flat', 'e', 'f', 'f_sharp', 'g', 'g_sharp', 'a', 'b_flat', 'b'],
};
const OUTSIDE = 0.8, ROOT_BELOW = 0.15, LEAST_FIT = 0.45;
let chords = [];

function chordOf(bar) {
  const [begin, end] = [shown.bars_ms[bar], shown.bars_ms[bar + 1]], sounding = new Array(12).fill(0);
  let whole = 0, lowest = null;
  for (const [from, to, pitch] of shown.notes) {
    const time = Math.min(to, end) - Math.max(from, begin);
    if (time <= 0) continue;
    sounding[pitch % 12] += time;
    whole += time;
    if (lowest === null || pitch < lowest) lowest = pitch;
  }
  let best = ['', LEAST_FIT];
  for (const [mode, third] of [['major', 4], ['minor', 3]]) {
    for (let root = 0; root < 12; root++) {
      const inside = [0, third, 7].reduce((sum, step) => sum + sounding[(root + step) % 12], 0) / whole;
      const fit = inside - OUTSIDE * (1 - inside) + (lowest % 12 === root ? ROOT_BELOW : 0) + (sounding[(root + third) % 12] ? 0.05 : 0);
      if (fit > best[1]) best = [`key.${ROOTS[mode][root]}_${mode}`, fit];
    }
  }
  return best[0] && say(best[0]);
}

function where(second) {
  const bar = shown.bars_ms.findLastIndex((begin) => begin <= second * 1000 + 1), count = shown.bars_ms.length - 1;
  if (count < 1 || bar < 0) return '';
  const number = Math.min(bar, count - 1);
  chords[number] ??= chordOf(number);
  return [say('status.bar', { bar: number + 1, bars: count }), chords[number]].filter(Boolean).join(say('list.commas'));
}

// ---- drawing ----
function rows(height) {
  const [low, high] = range, perPitch = (height - TOP - BOTTOM) / (high - low + 1);
  return { low, high, perPitch, bottom: height - BOTTOM, y: (pitch) => TOP + (high - pitch) * perPitch };
}

function drawBars(pen, x, from, until, bottom, colour) {
  const bars = barsS(), perBar = (x(until) - x(from)) / Math.max(1, ((until - from) * (bars.length - 1)) / Math.max(1, lastS()));
  let every = 1;
  while (every * perBar < LABEL_PX) every *= 2;
  pen.font = `400 11px ${colour.font}`;
  pen.textBaseline = 'middle';
  bars.forEach((bar, number) => {
    if (bar < from - 2 || bar > until + 2) return;
    const left = Math.round(x(bar));
    pen.fillStyle = colour.line;
    pen.fillRect(left, TOP, 1, bottom - TOP + (number % every ? 0 : 5));
    pen.fillStyle = colour.soft;
    if (number % every === 0 && number < bars.length - 1) pen.fillText(String(number + 1), left + 4, bottom + 10);
  });
}

function drawGround(pen, x, from, until, height, colour) {
  const { low, high, perPitch, bottom, y } = rows(height);
  pen.fillStyle = colour.band;
  for (let pitch = low; pitch <= high; pitch++) {
    if ([1, 3, 6, 8, 10].includes(((pitch % 12) + 12) % 12)) pen.fillRect(x(from), y(pitch), x(until) - x(from), perPitch);
  }
  drawBars(pen, x, from, until, bottom, colour);
  pen.font = `700 12px ${colour.font}`;
  for (const [name, begin, end] of shown.sections) {
    const left = x(begin / 1000), right = x(end / 1000);
    pen.fillStyle = colour.line;
    pen.fillRect(left, 18, Math.max(2, right - left - 4), 2);
    pen.fillStyle = colour.soft;
    if (right - left > 18) pen.fillText(name, Math.max(left, Math.min(x(from), right - 18)) + 1, 9);
  }
}

function drawNote(pen, x, rowsOf, [from, to, pitch, velocity], strength) {
  const left = x(from / 1000), width = Math.max(2.5, x(to / 1000) - left - 1), height = Math.max(3.5, rowsOf.perPitch - 0.5);
  const loud = 0.72 + 0.28 * Math.min(1, Math.max(0, (velocity - 30) / 80));
  pen.globalAlpha = loud * Math.min(1, Math.max(0.05, strength));
  pen.beginPath();
  pen.roundRect(left, rowsOf.y(pitch) + (rowsOf.perPitch - height) / 2, width, height, Math.min(2.5, height / 2));
  pen.fill();
}

const layer = {};
let fresh = [];

function drawStill(view, now) {
  const { colour, height } = view, lines = rows(height);
  return timeline.layer(layer, version, view, (pen, x, from, until) => {
    drawGround(pen, x, from, until, height, colour);
    fresh = [];
    shown.notes.forEach((note, number) => {
      if (note[1] < from * 1000 || note[0] > until * 1000) return;
      pen.fillStyle = colour[VOICES[note[4] || 0]];
      if (!still.matches && now - born[number] < FADE_MS) fresh.push(number);
      else drawNote(pen, x, lines, note, 1);
    });
    pen.globalAlpha = 1;
  });
}

function drawMoving(view, now) {
  const { pen, colour, x, height } = view, lines = rows(height), here = player.position() * 1000;
  pen.save();
  pen.beginPath();
  pen.rect(view.left - 1, 0, view.right - view.left + 2, height);
  pen.clip();
  for (const number of fresh) {
    pen.fillStyle = colour[VOICES[shown.notes[number][4] || 0]];
    drawNote(pen, x, lines, shown.notes[number], (now - born[number]) / FADE_MS);
  }
  pen.fillStyle = colour.ink;
  if (player.playing()) for (const note of shown.notes) if (note[0] <= here && here < note[1]) drawNote(pen, x, lines, [note[0], note[1], note[2], 127], 1);
  pen.restore();
}

function draw(now) {
  const view = timeline.frame(now);
  const place = player.available() ? where(player.position()) : '';
  if (at('.ek-where').textContent !== place) at('.ek-where').textContent = place;
  if (!view || !shown.notes.length) return false;
  if (fresh.length && fresh.every((number) => now - born[number] >= FADE_MS)) version += 1;
  timeline.lay(drawStill(view, now), view);
  drawMoving(view, now);
  timeline.finish(view, TOP - 8, view.height - BOTTOM);
  return fresh.length > 0;
}

// ---- values ----
// Read once for each message: while it is drawn, nothing asks Gradio's reactive copy of the value.
function read(value) {
  shown = { ...NOTHING };
  if (value) for (const name of Object.keys(NOTHING)) shown[name] = JSON.parse(`[${value[name] || ''}]`);
  let [low, high] = [45, 79];
  for (const note of shown.notes) { low = Math.min(low, note[2] - 1); high = Math.max(high, note[2] + 1); }
  [range, chords, version] = [[low, high], [], version + 1];
}

function empty() {
  for (const part of ['.ek-lane', '.ek-made', '.ek-caption', '.ek-trouble']) at(part).textContent = '';
  canvas.setAttribute('aria-label', say('music.roll_empty'));
}

function paint() {
  const value = props.value && props.value.run ? props.value : null;
  box.dataset.state = value ? 'shown' : 'empty';
  read(value);
  if (player.take(value)) { born = []; timeline.reset(); }
  if (!value) { empty(); return; }
  const now = performance.now();
  const count = shown.notes.length;
  while (born.length < count) born.push(now);
  born.length = count;
  put(at('.ek-lane'), value.lane);
  put(at('.ek-trouble'), value.trouble);
  const { notes, sound } = value.made_by;
  at('.ek-made').textContent = [notes && say('music.composed_by', { name: notes }), sound && say('music.played_by', { name: sound })].filter(Boolean).join(say('list.commas'));
  put(at('.ek-caption'), value.text);
  canvas.setAttribute('aria-label', say('music.roll', { music: value.text }));
  player.follow();
}

new ResizeObserver(player.follow).observe(canvas);
new MutationObserver(player.follow).observe(document.body, { attributes: true, attributeFilter: ['class'] });
document.documentElement.addEventListener('transitionend', player.follow);
new MutationObserver(() => setTimeout(player.follow, 1000)).observe(document.documentElement, { attributes: true, attributeFilter: ['data-mood'] });
watch('value', paint);
paint();
