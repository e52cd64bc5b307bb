// In: { run, address, frames, total, rate, wanted, heard, text, made_by }: a 16-bit stereo WAV that grows at `address`,
// how many of its frames are there and will be; the path and what was heard, the items of JSON lists without brackets,
// each [second, valence, arousal]. Of the sound only the next half minute is ever fetched and held.
const { text: say, put } = window.ekphonia;
const box = element.querySelector('.ek-music');
const at = (name) => box.querySelector(name);
const canvas = at('canvas'), play = at('.ek-play'), seek = at('.ek-seek'), time = at('.ek-time');
const HEADER = 44, WIDTH = 4, AHEAD_S = 24, PART_S = 4, LEAD_S = 0.08, LOW = 1, HIGH = 9;
const root = (window.gradio_config && window.gradio_config.root) || '';
const { players } = window.ekphonia;

let shown = null, context = null;
let wanted = false, base = null, held = 0, next = 0, loading = false, turn = 0;
const sources = new Set();

const seconds = () => (shown ? shown.total / shown.rate : 0);
const ready = () => (shown ? shown.frames / shown.rate : 0);
function position() {
  if (base === null) return held;
  return Math.max(held, Math.min(next / shown.rate, context.currentTime - base));
}

function openContext() {
  if (!context) {
    context = new AudioContext({ latencyHint: 'playback' });
    context.addEventListener('statechange', () => { pump(); paintTransport(); });
  }
  if (context.state === 'suspended') context.resume().catch(() => {});
}
for (const gesture of ['pointerup', 'keydown']) document.addEventListener(gesture, () => { if (wanted || context) openContext(); }, true);

async function fetchPart(from, count) {
  const first = HEADER + from * WIDTH, last = first + count * WIDTH - 1;
  const answer = await fetch(root + shown.address, { headers: { Range: `bytes=${first}-${last}` }, cache: 'no-store' });
  if (answer.status !== 206) throw new Error('no part of the sound');
  const pcm = new Int16Array(await answer.arrayBuffer());
  const frames = pcm.length >> 1;
  const buffer = new AudioBuffer({ length: Math.max(1, frames), numberOfChannels: 2, sampleRate: shown.rate });
  for (let c = 0; c < 2; c++) {
    const track = buffer.getChannelData(c);
    for (let i = 0; i < frames; i++) track[i] = pcm[2 * i + c] / 32767;
  }
  return buffer;
}

// Fetches and lays out the next part while there is any and it is due.
async function pump() {
  if (!wanted || loading || !shown || !context || context.state !== 'running') return;
  const here = Math.round(position() * shown.rate);
  const count = Math.min(shown.frames - next, (base === null ? 1 : PART_S) * shown.rate);
  if (count <= 0 || next - here > AHEAD_S * shown.rate) return;
  const mine = turn, from = next;
  loading = true;
  try {
    const buffer = await fetchPart(from, count);
    if (mine === turn && wanted) lay(buffer, from, count);
  } catch { /* it is asked for again */ }
  loading = false;
  if (mine === turn && next > from) pump();
}

function lay(buffer, from, count) {
  const rate = shown.rate, start = base === null ? -1 : base + from / rate;
  if (start < context.currentTime) base = context.currentTime + LEAD_S - from / rate; // late, or the first
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  source.addEventListener('ended', () => sources.delete(source));
  source.start(base + from / rate);
  sources.add(source);
  next = from + count;
  follow();
}

function silence() {
  turn += 1;
  for (const source of sources) { try { source.stop(); } catch { /* it had not begun */ } }
  sources.clear();
  base = null;
}

function start() {
  for (const other of players) if (other !== self) other.pause();
  openContext();
  if (held >= seconds() - 0.2) held = 0;
  next = Math.round(held * shown.rate);
  wanted = true;
  pump();
  follow();
}
function pause() {
  held = position();
  wanted = false;
  silence();
  paintTransport();
}
function goTo(second) {
  const goOn = wanted;
  silence();
  held = Math.max(0, Math.min(second, ready() - 0.1));
  next = Math.round(held * shown.rate);
  if (goOn) pump();
  follow();
}
const self = { pause: () => { if (wanted) pause(); }, busy: () => wanted, run: () => (shown && shown.run) || '' };
players.add(self);
play.addEventListener('click', () => (wanted ? pause() : start()));
seek.addEventListener('input', () => goTo(Number(seek.value)));

// ---- what is seen of it ----
const clock = (second) => `${Math.floor(second / 60)}:${String(Math.floor(second % 60)).padStart(2, '0')}`;

function paintTransport() {
  const can = Boolean(shown && shown.frames), here = position(), whole = seconds();
  if (wanted && can && here >= whole - 0.05) { held = whole; wanted = false; silence(); }
  const waits = wanted && (!context || context.state !== 'running');
  play.disabled = seek.disabled = !can;
  play.classList.toggle('ek-going', wanted && !waits);
  play.classList.toggle('ek-waits', waits);
  play.setAttribute('aria-label', say(wanted ? 'player.pause' : 'player.play'));
  seek.max = whole.toFixed(0);
  if (document.activeElement !== seek || wanted) seek.value = here.toFixed(0);
  seek.setAttribute('aria-valuetext', say('player.clock', { here: clock(here), whole: clock(whole) }));
  seek.style.setProperty('--part', whole ? here / whole : 0);
  time.textContent = waits ? say('player.click') : `${clock(here)} / ${clock(whole)}`;
}

function draw() {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
  const pen = canvas.getContext('2d'), style = getComputedStyle(box), of = (name) => style.getPropertyValue(name).trim();
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  if (!shown || !wide || !high) return;
  const left = 12, right = 12, top = 26, bottom = 12;
  const x = (second) => left + (second / Math.max(1, seconds())) * (width - left - right);
  const y = (value) => top + ((HIGH - value) / (HIGH - LOW)) * (height - top - bottom);
  pen.fillStyle = of('--ek-line');
  for (const value of [1, 3, 5, 7, 9]) pen.fillRect(left, y(value), width - left - right, 1);
  const kinds = [[1, `${say('journey.valence_line')} ●`, of('--ek-c-happy'), []], [2, `${say('journey.arousal_line')} ◆`, of('--ek-c-sad'), [7, 4]]];
  pen.font = `700 13px ${style.fontFamily}`;
  kinds.forEach(([place, name, colour, dash], number) => {
    pen.strokeStyle = pen.fillStyle = colour;
    pen.fillText(name, left + number * 96, 15);
    pen.lineWidth = 2.5;
    pen.setLineDash(dash);
    pen.beginPath();
    for (const point of shown.way) pen.lineTo(x(point[0]), y(point[place]));
    pen.stroke();
    pen.setLineDash([]);
    for (const point of shown.ears) spot(pen, x(point[0]), y(point[place]), place);
  });
  pen.fillStyle = of('--ek-ink');
  if (shown.frames) pen.fillRect(x(position()) - 0.75, top - 6, 1.5, height - top - bottom + 12);
}
function spot(pen, cx, cy, place) {
  pen.beginPath();
  if (place === 1) pen.arc(cx, cy, 4, 0, 7);
  else { pen.moveTo(cx, cy - 5.5); pen.lineTo(cx + 5.5, cy); pen.lineTo(cx, cy + 5.5); pen.lineTo(cx - 5.5, cy); pen.closePath(); }
  pen.fill();
}

let frame = null;
function follow() { if (frame === null) frame = requestAnimationFrame(step); }
function step() {
  frame = null;
  draw();
  paintTransport();
  if (wanted && base !== null) setTimeout(follow, 100);
}
const clockwork = setInterval(() => { if (!document.contains(box)) clearInterval(clockwork); else pump(); }, 400);

const listOf = (text) => JSON.parse(`[${text || ''}]`);
function paint() {
  const value = props.value && props.value.run ? props.value : null;
  box.dataset.state = value ? 'shown' : 'empty';
  if (!value) return;
  const fresh = !shown || shown.run !== value.run;
  if (fresh) { silence(); wanted = false; held = next = 0; }
  const { run, address, frames, total, rate } = value;
  const begins = frames > 0 && (fresh || !shown.frames);
  shown = { run, address, frames, total, rate, way: listOf(value.wanted), ears: listOf(value.heard) };
  put(at('.ek-made'), value.made_by);
  put(at('.ek-caption'), value.text);
  canvas.setAttribute('aria-label', say('journey.drawn', { way: value.text }));
  if (begins) start();
  pump();
  follow();
}

new ResizeObserver(follow).observe(canvas);
new MutationObserver(follow).observe(document.body, { attributes: true, attributeFilter: ['class'] });
watch('value', paint);
paint();
