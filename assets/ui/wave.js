// In: what the player takes (player.js), and { lane, text, made_by, licence, note, trouble }, growing within a run. Drawn
// from the chunks as they arrive: the waveform from the loudest sample of each small stretch, or the spectrogram.
const { text: say, put } = window.ekphonia;
const box = element.querySelector('.ek-music');
const at = (name) => box.querySelector(name);
const canvas = at('canvas'), kinds = [...box.querySelectorAll('.ek-kind button')];
const RATE = 32000, STRETCH_S = 0.01, BAR_PX = 3, TOP = 4, BOTTOM = 22, TICK_PX = 60, SLICE_MS = 10, BREATH_MS = 8;
const HERTZ = [[100, '100 Hz'], [1000, '1 kHz'], [2000, '2 kHz'], [4000, '4 kHz'], [8000, '8 kHz']];
const SECONDS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120];
let peaks = [], loudest = 0.05, version = 0, kind = 'waveform', timer = null, text = '';
const spectrum = window.ekphonia.makeSpectrum(RATE);
const player = window.ekphonia.makePlayer(box, { name: 'words', rate: RATE, lastS: () => peaks.length * STRETCH_S, draw, sound: measure });
const timeline = window.ekphonia.makeTimeline(box, { player, left: () => (kind === 'waveform' ? 10 : 52), bars: () => [], where: () => '' });

// ---- what is kept of the sound ----
function mono(buffer) {
  const mixed = buffer.getChannelData(0).slice();
  for (let c = 1; c < buffer.numberOfChannels; c++) {
    const track = buffer.getChannelData(c);
    for (let i = 0; i < mixed.length; i++) mixed[i] += track[i];
  }
  return buffer.numberOfChannels > 1 ? mixed.map((value) => value / buffer.numberOfChannels) : mixed;
}

function measure({ start, buffer }) {
  const samples = mono(buffer), stretch = Math.round(STRETCH_S * RATE), begin = Math.round(start * RATE);
  for (let i = 0; i < samples.length;) {
    const number = Math.floor((begin + i) / stretch), end = Math.min(samples.length, (number + 1) * stretch - begin);
    let loud = peaks[number] || 0;
    for (; i < end; i++) loud = Math.max(loud, Math.abs(samples[i]));
    peaks[number] = loud;
    loudest = Math.max(loudest, loud);
  }
  version += 1;
  spectrum.add(start, samples);
  analyse();
}

// Only while the spectrogram is looked at, in slices, so that the page stays quick.
function analyse() {
  if (kind !== 'spectrogram' || timer !== null) return;
  timer = setTimeout(() => {
    timer = null;
    const more = spectrum.work(SLICE_MS);
    player.follow();
    if (more) analyse();
  }, BREATH_MS);
}

// ---- drawing ----
const clock = (second) => (second % 1 ? second.toFixed(1) : `${Math.floor(second / 60)}:${String(second % 60).padStart(2, '0')}`);

function drawTicks(pen, x, from, until, view) {
  const every = SECONDS.find((step) => step * view.perSecond >= TICK_PX) || 300;
  pen.font = `400 11px ${view.colour.font}`;
  pen.textBaseline = 'middle';
  for (let second = Math.ceil(from / every) * every; second <= until; second += every) {
    const left = Math.round(x(second));
    pen.fillStyle = view.colour.line;
    pen.fillRect(left, view.height - BOTTOM, 1, 5);
    pen.fillStyle = view.colour.soft;
    pen.fillText(clock(second), left + 4, view.height - BOTTOM + 9);
  }
}

function drawBars(pen, x, from, until, view, colour) {
  const middle = TOP + (view.height - TOP - BOTTOM) / 2, step = Math.max(BAR_PX, view.perSecond * STRETCH_S);
  pen.fillStyle = view.colour.line;
  pen.fillRect(x(from), middle - 0.5, x(until) - x(from), 1);
  drawTicks(pen, x, from, until, view);
  pen.fillStyle = colour;
  const lastBar = Math.ceil((until * view.perSecond) / step);
  for (let bar = Math.floor((from * view.perSecond) / step); bar < lastBar; bar++) {
    const begin = Math.floor((bar * step) / view.perSecond / STRETCH_S), end = Math.max(begin + 1, Math.floor(((bar + 1) * step) / view.perSecond / STRETCH_S));
    let loud = 0;
    for (let i = begin; i < end; i++) loud = Math.max(loud, peaks[i] || 0);
    if (!loud) continue;
    const half = Math.max(1, (loud / loudest) * (middle - TOP - 2));
    pen.fillRect(x((bar * step) / view.perSecond), middle - half, Math.max(1, step - 1), 2 * half);
  }
}

const layers = { played: {}, coming: {}, spectrogram: {} };

function drawWaveform(view) {
  const { mood, ink } = view.colour, parts = [['played', ink], ['coming', mood]];
  const split = player.available() ? Math.max(view.left - 1, Math.min(view.right + 1, view.x(player.position()))) : view.left - 1;
  for (const [name, colour] of parts) {
    const kept = timeline.layer(layers[name], [version, loudest], view, (pen, x, from, until) => drawBars(pen, x, from, until, view, colour));
    if (name === 'played') timeline.lay(kept, view, view.left - 1, split);
    else timeline.lay(kept, view, split, view.right + 1);
  }
}

// Red, green and blue of a colour, read where it was painted, for a style may write it in many ways.
const dot = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
function channels(colour) {
  dot.fillStyle = colour;
  dot.fillRect(0, 0, 1, 1);
  return [...dot.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

function drawSpectrogram(view) {
  const { colour, pen } = view, high = view.height - TOP - BOTTOM;
  const kept = timeline.layer(layers.spectrogram, [version, spectrum.state()], view, (layer, x, from, until) => {
    spectrum.paint(layer, x, from, until, TOP, high, [colour.well, colour.mood, colour.ink].map(channels));
    drawTicks(layer, x, from, until, view);
  });
  timeline.lay(kept, view);
  pen.font = `400 11px ${colour.font}`;
  pen.textBaseline = 'middle';
  for (const [hertz, label] of HERTZ) {
    const y = TOP + (1 - spectrum.share(hertz)) * high;
    pen.fillStyle = colour.soft;
    pen.textAlign = 'right';
    pen.fillText(label, view.left - 7, Math.min(y, view.height - BOTTOM - 4));
    pen.fillRect(view.left - 4, Math.round(y), 4, 1);
  }
  pen.textAlign = 'left';
}

function draw(now) {
  const view = timeline.frame(now);
  if (!view || !peaks.length) return false;
  (kind === 'waveform' ? drawWaveform : drawSpectrogram)(view);
  timeline.finish(view, TOP, view.height - BOTTOM);
  return false;
}

// ---- values ----
function name() {
  canvas.setAttribute('aria-label', say(`wave.${kind}_${box.dataset.state === 'shown' ? 'of' : 'empty'}`, { music: text }));
}

kinds.forEach((button) => button.addEventListener('click', () => {
  kind = button.dataset.kind;
  for (const each of kinds) each.setAttribute('aria-pressed', String(each === button));
  name();
  analyse();
  player.follow();
}));

function forget() {
  [peaks, loudest, version] = [[], 0.05, version + 1];
  spectrum.clear();
  timeline.reset();
}

function paint() {
  const value = props.value && props.value.run ? props.value : null;
  box.dataset.state = value && value.chunks ? 'shown' : 'empty';
  if (player.take(value)) forget();
  text = value ? value.text : '';
  name();
  put(at('.ek-lane'), value ? value.lane : '');
  at('.ek-made').textContent = value && value.made_by ? say('wave.made_by', { name: value.made_by }) : '';
  put(at('.ek-caption'), text);
  put(at('.ek-note'), value ? { parts: [value.note, value.licence].filter(Boolean), between: 'list.sentences' } : '');
  put(at('.ek-trouble'), value ? value.trouble : '');
}

new ResizeObserver(player.follow).observe(canvas);
new MutationObserver(player.follow).observe(document.body, { attributes: true, attributeFilter: ['class'] });
new MutationObserver(() => setTimeout(player.follow, 1000)).observe(document.documentElement, { attributes: true, attributeFilter: ['data-mood'] });
watch('value', paint);
paint();
