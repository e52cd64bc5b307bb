// The spectrogram of a sound that comes in pieces: how loud each band is at each moment, analysed little by little.
//
// In: makeSpectrum(rate), then add(second, samples) for each piece, in any order, samples -1 to 1. Conventions: a column
// each HOP samples, its frame of SIZE samples centred on it under a Hann window; BANDS bands equally wide in mel between
// LOW_HZ and HIGH_HZ (mel as in O'Shaughnessy 1987); a level is a byte, 255 a full-scale sine (0 dB), 0 at -96 dB or less.
window.ekphonia.makeSpectrum = (rate) => {
  const SIZE = 2048, HOP = 640, BANDS = 96, LOW_HZ = 50, HIGH_HZ = 12000, FLOOR_DB = 96, RANGE_DB = 66, TILE = 512;
  const mel = (hz) => 2595 * Math.log10(1 + hz / 700), hertz = (m) => 700 * (10 ** (m / 2595) - 1);
  const LOW = mel(LOW_HZ), WIDE = mel(HIGH_HZ) - LOW;
  const share = (hz) => (mel(hz) - LOW) / WIDE; // where a frequency stands on the axis, 0 at its low end, 1 at its high
  const hop = HOP / rate;
  const edges = Array.from({ length: BANDS + 1 }, (_, i) => (hertz(LOW + (WIDE * i) / BANDS) * SIZE) / rate);
  const first = edges.slice(0, BANDS).map((bin) => Math.round(bin)), last = edges.slice(1).map((bin, i) => Math.max(first[i], Math.ceil(bin) - 1));

  const hann = Float64Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE));
  const cos = Float64Array.from({ length: SIZE / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / SIZE));
  const sin = Float64Array.from({ length: SIZE / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / SIZE));
  const bits = Math.log2(SIZE);
  const turned = Uint16Array.from({ length: SIZE }, (_, i) => {
    let back = 0;
    for (let b = 0; b < bits; b++) back |= ((i >> b) & 1) << (bits - 1 - b);
    return back;
  });
  const re = new Float64Array(SIZE), im = new Float64Array(SIZE);

  // In place, by Cooley and Tukey (1965), radix 2; re and im are in bit-reversed order.
  function transform() {
    for (let half = 1; half < SIZE; half *= 2) {
      const stride = SIZE / (2 * half);
      for (let start = 0; start < SIZE; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const i = start + k, j = i + half, c = cos[k * stride], s = sin[k * stride];
          const x = re[j] * c - im[j] * s, y = re[j] * s + im[j] * c;
          re[j] = re[i] - x; im[j] = im[i] - y;
          re[i] += x; im[i] += y;
        }
      }
    }
  }

  let track, levels, ready, length, columns, next, loudest, tiles;
  function clear() {
    [track, levels, ready] = [new Int16Array(rate * 30), new Uint8Array(BANDS * 1500), new Uint8Array(1500)];
    length = columns = next = loudest = 0;
    tiles = [];
  }
  clear();

  function grown(array, needed) {
    if (array.length >= needed) return array;
    const larger = new array.constructor(Math.max(needed, 2 * array.length));
    larger.set(array);
    return larger;
  }

  function add(second, samples) {
    const begin = Math.round(second * rate), end = begin + samples.length;
    track = grown(track, end);
    for (let i = 0; i < samples.length; i++) track[begin + i] = samples[i] * 32767;
    length = Math.max(length, end);
    columns = Math.ceil(length / HOP);
    levels = grown(levels, columns * BANDS);
    ready = grown(ready, columns);
    const from = Math.max(0, Math.ceil((begin - SIZE / 2) / HOP)), to = Math.min(columns, Math.ceil((end + SIZE / 2) / HOP));
    ready.fill(0, from, to);
    next = Math.min(next, from);
  }

  function analyse(column) {
    const begin = column * HOP - SIZE / 2;
    for (let i = 0; i < SIZE; i++) {
      const at = begin + i;
      re[turned[i]] = at < 0 || at >= length ? 0 : (track[at] / 32767) * hann[i];
    }
    im.fill(0);
    transform();
    for (let band = 0; band < BANDS; band++) {
      let power = 0;
      for (let bin = first[band]; bin <= last[band]; bin++) power = Math.max(power, re[bin] * re[bin] + im[bin] * im[bin]);
      const level = 255 * (1 + (10 * Math.log10(power * (4 / SIZE) ** 2 + 1e-12)) / FLOOR_DB);
      levels[column * BANDS + band] = Math.max(0, Math.min(255, Math.round(level)));
      loudest = Math.max(loudest, levels[column * BANDS + band]);
    }
    ready[column] = 1;
    const tile = tiles[Math.floor(column / TILE)];
    if (tile) tile.key = null;
  }

  // Analyse for some milliseconds; says whether anything is left to do.
  function work(milliseconds) {
    const until = performance.now() + milliseconds;
    for (; next < columns; next++) {
      if (ready[next]) continue;
      if (performance.now() > until) return true;
      analyse(next);
    }
    return false;
  }

  // ---- drawing ----
  const steps = 16; // the loudest level counts in steps, so that it seldom changes
  const top = () => Math.ceil(loudest / steps) * steps;

  // 256 colours from that of silence over the middle one to that of the loudest, each [red, green, blue].
  function palette(quiet, middle, loud) {
    const range = (255 * RANGE_DB) / FLOOR_DB, mix = (a, b, part) => a.map((value, i) => value + (b[i] - value) * part);
    return Array.from({ length: 256 }, (_, level) => {
      const part = Math.max(0, Math.min(1, 1 - (top() - level) / range));
      return part < 0.6 ? mix(quiet, middle, part / 0.6) : mix(middle, loud, (part - 0.6) / 0.4);
    });
  }

  function tileOf(number, key, colours) {
    const tile = (tiles[number] ??= { surface: new OffscreenCanvas(TILE, BANDS), key: null });
    if (tile.key === key) return tile.surface;
    const image = new ImageData(TILE, BANDS), wide = Math.min(TILE, columns - number * TILE);
    for (let x = 0; x < wide; x++) {
      if (!ready[number * TILE + x]) continue;
      for (let band = 0; band < BANDS; band++) {
        const colour = colours[levels[(number * TILE + x) * BANDS + band]];
        image.data.set([colour[0], colour[1], colour[2], 255], 4 * ((BANDS - 1 - band) * TILE + x));
      }
    }
    tile.surface.getContext('2d').putImageData(image, 0, 0);
    tile.key = key;
    return tile.surface;
  }

  // Draw what lies between two seconds, from y on, `height` high.
  function paint(pen, x, from, until, y, height, [quiet, middle, loud]) {
    const key = JSON.stringify([top(), quiet, middle, loud]), colours = palette(quiet, middle, loud);
    const begin = Math.max(0, Math.floor(from / hop) - 1), end = Math.min(columns, Math.ceil(until / hop) + 1);
    for (let number = Math.floor(begin / TILE); number * TILE < end; number++) {
      const a = Math.max(begin, number * TILE), b = Math.min(end, (number + 1) * TILE);
      const left = x((a - 0.5) * hop), right = x((b - 0.5) * hop);
      pen.drawImage(tileOf(number, key, colours), a - number * TILE, 0, b - a, BANDS, left, y, right - left, height);
    }
  }

  const levelsAt = (second) => levels.slice(Math.round(second / hop) * BANDS, (Math.round(second / hop) + 1) * BANDS);
  return { add, clear, work, paint, share, levelsAt, bandHz: (band) => hertz(LOW + (WIDE * (band + 0.5)) / BANDS), state: () => `${columns}/${next}/${top()}` };
};
