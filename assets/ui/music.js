// In: { run, lane, text, made_by, asked_s, notes, bars_ms, sections, chunks, sound }, growing within a run;
// the four lists are texts, the items of a JSON list without its brackets.
// The chunks play in an AudioContext while the piece is written. The whole take, once it is there, is an <audio>
// element, which takes over when the visitor seeks or plays again, so that nothing is heard twice or torn.
const { players } = window.ekphonia;
const box = element.querySelector('.ek-music');
const at = (name) => box.querySelector(name);
const canvas = at('canvas'), play = at('.ek-play'), seek = at('.ek-seek'), time = at('.ek-time'), audio = at('audio');
const RATE = 44100, LEAD_S = 0.06, FADE_MS = 350, FRAME_MS = 30;
const root = (window.gradio_config && window.gradio_config.root) || '';
const NOTHING = { notes: [], bars_ms: [], sections: [], chunks: [] };
const still = window.matchMedia('(prefers-reduced-motion: reduce)');

// ---- live sound ----
let context = null, gain = null;
const live = { buffers: [], sources: [], base: null, loading: 0, playing: false, held: 0 };
let mode = 'live', run = null, wanted = false, shown = NOTHING, askedS = 0;

function openContext() {
  if (!context) {
    context = new AudioContext({ sampleRate: RATE, latencyHint: 'interactive' });
    gain = context.createGain();
    gain.connect(context.destination);
    context.addEventListener('statechange', () => { pump(); paintTransport(); });
  }
  if (context.state === 'suspended') context.resume().catch(() => {});
}
// Sound may begin only after a gesture; a gesture anywhere on the page will do.
for (const gesture of ['pointerup', 'keydown', 'drop', 'paste']) document.addEventListener(gesture, openContext, true);

function samplesOf(bytes) {
  const view = new DataView(bytes);
  let offset = 12, channels = 2;
  while (offset + 8 <= bytes.byteLength) {
    const name = view.getUint32(offset), length = view.getUint32(offset + 4, true);
    if (name === 0x666d7420) channels = view.getUint16(offset + 10, true);
    if (name === 0x64617461) return { pcm: new Int16Array(bytes, offset + 8, length >> 1), channels };
    offset += 8 + length + (length & 1);
  }
  return { pcm: new Int16Array(0), channels };
}

function bufferOf(bytes) {
  const { pcm, channels } = samplesOf(bytes);
  const frames = Math.max(1, Math.floor(pcm.length / channels));
  const buffer = new AudioBuffer({ length: frames, numberOfChannels: channels, sampleRate: RATE });
  for (let c = 0; c < channels; c++) {
    const track = buffer.getChannelData(c);
    for (let i = 0; i < frames; i++) track[i] = pcm[i * channels + c] / 32767;
  }
  return buffer;
}

async function load([address, second], number, ofRun) {
  const answer = await fetch(root + address);
  if (!answer.ok || ofRun !== run) return;
  const buffer = bufferOf(await answer.arrayBuffer());
  if (ofRun !== run) return;
  live.buffers[number] = { start: second, buffer, scheduled: false };
  pump();
}

function pump() {
  if (mode !== 'live' || !wanted || !context || context.state !== 'running') return;
  const parts = Array.from(live.buffers);
  const gap = parts.findIndex((part) => !part);
  const ready = gap < 0 ? parts : parts.slice(0, gap);
  if (!ready.length) return;
  const now = context.currentTime;
  if (live.base === null) live.base = now + LEAD_S - live.held;
  for (const part of ready) {
    if (part.scheduled) continue;
    const end = part.start + part.buffer.duration;
    if (end <= now - live.base) {
      if (end <= live.held) { part.scheduled = true; continue; }
      live.base = now + LEAD_S - part.start; // the music came later than its time: wait for it, drop nothing
    }
    const source = context.createBufferSource();
    source.buffer = part.buffer;
    source.connect(gain);
    const skip = Math.max(0, live.held - part.start, now - live.base - part.start);
    source.start(Math.max(now, live.base + part.start + skip), skip);
    live.sources.push(source);
    part.scheduled = true;
  }
  paintTransport();
}

function stopSources() {
  for (const source of live.sources) { try { source.stop(); } catch { /* it had not begun */ } source.disconnect(); }
  live.sources = [];
  live.base = null;
  for (const part of live.buffers) if (part) part.scheduled = false;
}

function liveEnd() {
  const last = live.buffers[live.buffers.length - 1];
  return last ? last.start + last.buffer.duration : 0;
}

// ---- one player of both ----
const delay = () => (context && context.outputLatency) || 0;
function position() {
  if (mode === 'file') return audio.currentTime;
  if (live.base === null) return live.held;
  return Math.max(live.held, Math.min(liveEnd(), context.currentTime - live.base - delay()));
}
const length = () => (mode === 'file' && audio.duration) || Math.max(liveEnd(), lastMs() / 1000, askedS);
const playing = () => (mode === 'file' ? !audio.paused : wanted && live.base !== null);
const available = () => live.buffers.some(Boolean) || Boolean(audio.src);

function toFile(second) {
  stopSources();
  wanted = false;
  mode = 'file';
  audio.currentTime = second;
}

function start() {
  openContext();
  if (mode === 'live' && audio.src && live.base === null) toFile(live.held);
  if (mode === 'file') {
    if (audio.ended || audio.currentTime > audio.duration - 0.05) audio.currentTime = 0;
    audio.play().catch(() => {});
  } else {
    if (live.held >= liveEnd() - 0.05) live.held = 0;
    wanted = true;
    pump();
  }
  follow();
}

function pause() {
  if (mode === 'file') audio.pause();
  else { live.held = position(); wanted = false; stopSources(); }
  follow();
}

function goTo(second) {
  const goOn = mode === 'file' ? !audio.paused : wanted;
  if (audio.src) {
    if (mode === 'live') toFile(second);
    audio.currentTime = second;
    if (goOn) audio.play().catch(() => {});
  } else {
    stopSources();
    live.held = Math.min(second, Math.max(0, liveEnd() - 0.05));
    pump();
  }
  follow();
}

players.add({ pause });
play.addEventListener('click', () => (playing() || (wanted && mode === 'live') ? pause() : start()));
seek.addEventListener('input', () => goTo(Number(seek.value)));
canvas.addEventListener('click', (event) => {
  if (!available()) return;
  const scale = geometry();
  goTo(Math.max(0, Math.min(length(), (event.offsetX - scale.left) / scale.perSecond)));
});
for (const name of ['play', 'pause', 'seeked', 'ended', 'loadedmetadata']) audio.addEventListener(name, follow);

// ---- what is seen of it ----
const clock = (second) => `${Math.floor(second / 60)}:${String(Math.floor(second % 60)).padStart(2, '0')}`;

function paintTransport() {
  const going = playing();
  const waits = wanted && mode === 'live' && live.base === null && live.buffers.length > 0 && (!context || context.state !== 'running');
  play.disabled = !available();
  seek.disabled = play.disabled;
  play.classList.toggle('ek-going', going);
  play.classList.toggle('ek-waits', waits);
  play.setAttribute('aria-label', going ? 'Pause' : 'Play');
  const whole = length(), here = position();
  seek.max = whole.toFixed(1);
  if (document.activeElement !== seek || going) seek.value = here.toFixed(1);
  seek.setAttribute('aria-valuetext', `${clock(here)} of ${clock(whole)}`);
  seek.style.setProperty('--part', whole ? here / whole : 0);
  time.textContent = waits ? 'click to listen' : `${clock(here)} / ${clock(whole)}`;
}

const lastMs = () => shown.bars_ms[shown.bars_ms.length - 1] || 0;
let born = [];

function geometry() {
  const width = canvas.clientWidth, height = canvas.clientHeight, left = 10, right = 10, top = 26, bottom = 10;
  let low = 45, high = 79;
  for (const note of shown.notes) { low = Math.min(low, note[2] - 1); high = Math.max(high, note[2] + 1); }
  return { width, height, left, top, bottom: height - bottom, low, high,
    perSecond: (width - left - right) / Math.max(1, length()),
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
  const here = position() * 1000;
  pen.fillStyle = colour.ink;
  if (playing()) for (const note of shown.notes) if (note[0] <= here && here < note[1]) drawNote(pen, scale, note, 'ink', 1);
  pen.globalAlpha = 1;
  if (available()) pen.fillRect(scale.left + (here / 1000) * scale.perSecond - 0.75, scale.top - 8, 1.5, scale.bottom - scale.top + 8);
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

let frame = null, drawnAt = 0;
function follow() {
  if (frame === null) frame = requestAnimationFrame(step);
}
function step(now) {
  frame = null;
  if (now - drawnAt < FRAME_MS) { follow(); return; }
  drawnAt = now;
  if (mode === 'live' && playing() && audio.src && position() >= liveEnd() - 0.02) toFile(0);
  const settling = draw(now);
  paintTransport();
  if (settling || playing()) follow();
}

function begin(value) {
  stopSources();
  audio.pause();
  audio.removeAttribute('src');
  audio.load();
  Object.assign(live, { buffers: [], base: null, loading: 0, held: 0 });
  mode = 'live';
  run = value.run;
  wanted = true;
  born = [];
}

// Read once for each message: while it is drawn, nothing asks Gradio's reactive copy of the value.
function read(value) {
  askedS = (value && value.asked_s) || 0;
  shown = { ...NOTHING };
  if (value) for (const name of Object.keys(NOTHING)) shown[name] = JSON.parse(`[${value[name] || ''}]`);
}

function paint() {
  const value = props.value && props.value.run ? props.value : null;
  box.dataset.state = value ? 'shown' : 'empty';
  read(value);
  if (!value) { follow(); return; }
  if (value.run !== run) begin(value);
  for (; live.loading < shown.chunks.length; live.loading++) {
    const number = live.loading;
    load(shown.chunks[number], number, run).catch(() => { live.buffers[number] = undefined; });
  }
  const now = performance.now();
  const count = shown.notes.length;
  while (born.length < count) born.push(now);
  born.length = count;
  stale = true;
  if (value.sound && !audio.src) audio.src = value.sound.url;
  at('.ek-lane').textContent = value.lane;
  const { notes, sound } = value.made_by;
  at('.ek-made').textContent = [notes && `composed by the ${notes}`, sound && `played by ${sound}`].filter(Boolean).join(', ');
  at('.ek-caption').textContent = value.text;
  canvas.setAttribute('aria-label', `Piano roll. ${value.text}`);
  follow();
}

new ResizeObserver(follow).observe(canvas);
new MutationObserver(follow).observe(document.body, { attributes: true, attributeFilter: ['class'] });
document.documentElement.addEventListener('transitionend', follow);
new MutationObserver(() => setTimeout(follow, 1000)).observe(document.documentElement, { attributes: true, attributeFilter: ['data-mood'] });
watch('value', paint);
paint();
