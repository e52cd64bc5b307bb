// In: what the player takes (player.js), and { lane, text, made_by, licence, note, trouble }, growing within a run. The
// waveform is drawn from the loudest sample of each small stretch of the chunks as they arrive.
const box = element.querySelector('.ek-music');
const at = (name) => box.querySelector(name);
const canvas = at('canvas');
const RATE = 32000, STRETCH_S = 0.05;
let peaks = [];
const player = window.ekphonia.makePlayer(box, { name: 'the music from words', rate: RATE, lastS: () => peaks.length * STRETCH_S, draw, sound: measure });

function measure({ start, buffer }) {
  const samples = buffer.getChannelData(0), stretch = Math.round(STRETCH_S * RATE), begin = Math.round(start * RATE);
  for (let i = 0; i < samples.length; i++) {
    const number = Math.floor((begin + i) / stretch), loud = Math.abs(samples[i]);
    if (!(peaks[number] >= loud)) peaks[number] = loud;
  }
}

function colours() {
  const style = getComputedStyle(box);
  const of = (name) => style.getPropertyValue(name).trim();
  return { mood: of('--ek-mood'), line: of('--ek-line'), ink: of('--ek-ink') };
}

function draw() {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
  const pen = canvas.getContext('2d'), colour = colours(), middle = height / 2, edge = 10;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  if (!peaks.length || !wide || !high) return false;
  const perSecond = (width - 2 * edge) / Math.max(1, player.length()), here = player.position();
  const most = Math.max(0.05, ...peaks.filter(Boolean));
  const step = Math.max(3, perSecond * STRETCH_S);
  pen.fillStyle = colour.line;
  pen.fillRect(edge, middle - 0.5, width - 2 * edge, 1);
  for (let x = 0; x < width - 2 * edge; x += step) {
    const from = Math.floor(x / perSecond / STRETCH_S), to = Math.max(from + 1, Math.floor((x + step) / perSecond / STRETCH_S));
    let loud = 0;
    for (let i = from; i < to; i++) loud = Math.max(loud, peaks[i] || 0);
    if (!loud) continue;
    const half = Math.max(1, (loud / most) * (middle - 8));
    pen.fillStyle = player.available() && x / perSecond < here ? colour.ink : colour.mood;
    pen.fillRect(edge + x, middle - half, Math.max(1, step - 1), 2 * half);
  }
  pen.fillStyle = colour.ink;
  if (player.available()) pen.fillRect(edge + here * perSecond - 0.75, 4, 1.5, height - 8);
  return false;
}

canvas.addEventListener('click', (event) => {
  if (!player.available()) return;
  const second = ((event.offsetX - 10) / (canvas.clientWidth - 20)) * Math.max(1, player.length());
  player.goTo(Math.max(0, Math.min(player.length(), second)));
});

function empty() {
  for (const part of ['.ek-lane', '.ek-made', '.ek-caption', '.ek-note', '.ek-trouble']) at(part).textContent = '';
  canvas.setAttribute('aria-label', 'Waveform, empty');
}

function paint() {
  const value = props.value && props.value.run ? props.value : null;
  box.dataset.state = value && value.chunks ? 'shown' : 'empty';
  if (player.take(value)) peaks = [];
  if (!value) { empty(); return; }
  at('.ek-lane').textContent = value.lane;
  at('.ek-made').textContent = value.made_by ? `made by the ${value.made_by}` : '';
  at('.ek-caption').textContent = value.text;
  at('.ek-note').textContent = [value.note, value.licence].filter(Boolean).join(' ');
  at('.ek-trouble').textContent = value.trouble;
  canvas.setAttribute('aria-label', `Waveform. ${value.text}`);
}

new ResizeObserver(player.follow).observe(canvas);
new MutationObserver(player.follow).observe(document.body, { attributes: true, attributeFilter: ['class'] });
new MutationObserver(() => setTimeout(player.follow, 1000)).observe(document.documentElement, { attributes: true, attributeFilter: ['data-mood'] });
watch('value', paint);
paint();
