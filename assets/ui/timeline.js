// The time axis of a lane's picture: what part of the piece is in view, seeking and zooming by pointer, keys and buttons.
//
// In: makeTimeline(box, { name, player, left(), bars(), where(second), swatches }): the element that holds the <canvas>,
// .ek-zoom buttons and <output>; what the picture is called; the lane's player; the pixels free at the left; where bars
// begin, in seconds (none: steps of 2 s); the place in words, "" for none; elements whose background is a colour to draw
// with, by name. Seconds are those of the sound, x counts in CSS pixels. Zoomed in, the view goes along with the playhead.
window.ekphonia.makeTimeline = (box, view) => {
  const { player } = view, { text, number } = window.ekphonia;
  const canvas = box.querySelector('canvas'), buttons = [...box.querySelectorAll('.ek-zoom button')], shown = box.querySelector('.ek-zoom output');
  const LEAST_S = 4, FACTOR = 1.6, STEP_S = 2, RIGHT = 10, LEAD = 0.35, EASE_MS = 250, DRAG_PX = 6, JUMP_S = 0.5;
  const still = window.matchMedia('(prefers-reduced-motion: reduce)');
  let zoomedS = null, fromS = 0, followed = true;
  let before = { now: 0, here: 0, playing: false };

  const within = (value, low, high) => Math.min(high, Math.max(low, value));
  const whole = () => Math.max(1, player.length());
  const span = () => (zoomedS === null ? whole() : Math.min(zoomedS, whole()));
  const perSecond = () => Math.max(1, canvas.clientWidth - view.left() - RIGHT) / span();
  const secondAt = (x) => within(fromS + (x - view.left()) / perSecond(), 0, whole());
  const place = (second) => { fromS = zoomedS === null ? 0 : within(second, 0, whole() - span()); };

  // ---- zoom ----
  // A second that is given stays where it is; without one the playhead does, or the middle.
  function zoom(factor, second) {
    const here = player.position(), seen = here >= fromS && here <= fromS + span();
    const fixed = second ?? (seen ? here : fromS + span() / 2), share = (fixed - fromS) / span();
    const wanted = within(span() / factor, Math.min(LEAST_S, whole()), whole());
    zoomedS = wanted > whole() - 0.01 ? null : wanted;
    place(fixed - share * span());
    player.follow();
  }

  function pan(seconds) {
    followed = false;
    place(fromS + seconds);
    player.follow();
  }

  // ---- seeking ----
  function goTo(second) {
    followed = true;
    player.goTo(within(second, 0, player.length()));
    tell(true);
  }

  function step(direction, count = 1) {
    const here = player.position(), bars = view.bars(), near = player.playing() && direction < 0 ? 0.4 : 0.05;
    if (bars.length < 2) { goTo(here + direction * count * STEP_S); return; }
    const beyond = direction > 0 ? bars.findIndex((bar) => bar > here + near) : bars.findLastIndex((bar) => bar < here - near);
    const none = direction > 0 ? bars.length - 1 : 0;
    goTo(bars[within((beyond < 0 ? none : beyond) + direction * (count - 1), 0, bars.length - 1)]);
  }

  const KEYS = {
    ArrowRight: () => step(1), ArrowUp: () => step(1), ArrowLeft: () => step(-1), ArrowDown: () => step(-1),
    PageUp: () => step(1, 4), PageDown: () => step(-1, 4), Home: () => goTo(0), End: () => goTo(player.length()),
    '+': () => zoom(FACTOR), '=': () => zoom(FACTOR), '-': () => zoom(1 / FACTOR), _: () => zoom(1 / FACTOR), 0: () => zoom(0),
    ' ': () => box.querySelector('.ek-play').click(),
  };

  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key) || !player.available()) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  buttons.forEach((button) => button.addEventListener('click', () => zoom(button.dataset.zoom === 'in' ? FACTOR : 1 / FACTOR)));

  // ---- pointer: a click seeks, a drag moves what is in view, two fingers or the wheel with Ctrl zoom ----
  const fingers = new Map();
  let began = 0, dragged = false;

  canvas.addEventListener('pointerdown', (event) => {
    fingers.set(event.pointerId, event.offsetX);
    began = event.offsetX;
    dragged = fingers.size > 1;
  });

  canvas.addEventListener('pointermove', (event) => {
    if (!fingers.has(event.pointerId)) return;
    const earlier = [...fingers.values()];
    fingers.set(event.pointerId, event.offsetX);
    const [one, other] = fingers.values();
    if (fingers.size === 2) {
      zoom(Math.max(10, Math.abs(one - other)) / Math.max(10, Math.abs(earlier[0] - earlier[1])), secondAt((one + other) / 2));
    } else if (zoomedS !== null && (dragged || Math.abs(event.offsetX - began) > DRAG_PX)) {
      if (!dragged) canvas.setPointerCapture(event.pointerId);
      dragged = true;
      pan((earlier[0] - event.offsetX) / perSecond());
    }
  });
  for (const end of ['pointerup', 'pointercancel', 'pointerleave']) canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));

  canvas.addEventListener('click', (event) => {
    if (!dragged && player.available()) goTo(secondAt(event.offsetX));
  });

  canvas.addEventListener('wheel', (event) => {
    const sideways = event.shiftKey ? event.deltaX || event.deltaY : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0;
    if (!player.available() || !(event.ctrlKey || (sideways && zoomedS !== null))) return;
    event.preventDefault();
    if (event.ctrlKey) zoom(Math.exp(-within(event.deltaY, -60, 60) * 0.01), secondAt(event.offsetX));
    else pan(sideways / perSecond());
  }, { passive: false });

  // ---- what is in view ----
  function goAlong(now) {
    const here = player.position(), playing = player.playing(), share = (here - fromS) / span(), passed = now - before.now;
    if ((playing && !before.playing) || Math.abs(here - before.here) > JUMP_S) followed = true;
    const moved = playing || here !== before.here;
    before = { now, here, playing };
    if (zoomedS === null || !followed || !moved) { place(fromS); return; }
    if (share < 0 || share > 1) place(here - LEAD * span());
    else if (playing && still.matches && share > 0.97) place(here - 0.05 * span());
    else if (playing && !still.matches && share > LEAD) place(fromS + (share - LEAD) * span() * (1 - Math.exp(-Math.min(100, passed) / EASE_MS)));
  }

  const clock = (second) => `${Math.floor(second / 60)}:${String(Math.floor(second % 60)).padStart(2, '0')}`;
  const write = (name, words) => { if (canvas.getAttribute(name) !== words) canvas.setAttribute(name, words); };

  // While it plays the place is not read out again and again, only when it was sought.
  function tell(sought = false) {
    const ready = player.available(), here = player.position();
    write('role', ready ? 'slider' : 'img');
    write('tabindex', ready ? '0' : '-1');
    for (const button of buttons) button.disabled = !ready;
    const inView = !ready ? '' : zoomedS === null ? text('player.all_in_view') : text('player.in_view', { seconds: number(span(), span() < 10 ? '1' : '0') });
    if (shown.textContent !== inView) shown.textContent = inView;
    canvas.dataset.from = fromS.toFixed(3);
    canvas.dataset.until = (fromS + span()).toFixed(3);
    if (!ready) { for (const name of ['valuemin', 'valuemax', 'valuenow', 'valuetext']) canvas.removeAttribute(`aria-${name}`); return; }
    if (player.playing() && !sought && canvas.hasAttribute('aria-valuenow')) return;
    write('aria-valuemin', '0');
    write('aria-valuemax', whole().toFixed(1));
    write('aria-valuenow', Math.min(here, whole()).toFixed(1));
    write('aria-valuetext', [view.where(here), text('player.clock', { here: clock(here), whole: clock(whole()) })].filter(Boolean).join(text('list.commas')));
  }

  // ---- drawing ----
  function penOf(surface, width, height, ratio) {
    const wide = Math.ceil(width * ratio), high = Math.ceil(height * ratio);
    if (surface.width !== wide || surface.height !== high) { surface.width = wide; surface.height = high; }
    const pen = surface.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return pen;
  }

  function colours() {
    const style = getComputedStyle(box), of = (name) => style.getPropertyValue(name).trim();
    const found = { font: style.fontFamily };
    for (const name of ['mood', 'line', 'soft', 'ink', 'well', 'band']) found[name] = of(`--ek-${name}`);
    for (const [name, node] of Object.entries(view.swatches || {})) found[name] = getComputedStyle(node).backgroundColor;
    return found;
  }

  // Begin a frame: its pen, measures and colours; null where there is nothing to draw on.
  function frame(now) {
    goAlong(now);
    tell();
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight, left = view.left();
    const pen = penOf(canvas, width, height, ratio);
    if (!canvas.width || !canvas.height) return null;
    const scale = perSecond(), start = fromS;
    return { pen, ratio, width, height, left, right: width - RIGHT, colour: colours(), perSecond: scale, from: start, until: start + span(),
      x: (second) => left + (second - start) * scale };
  }

  // What stands still is drawn once, on a layer a little longer than the view, and again only when its key or the scale
  // changes or the view leaves it. paint(pen, x, from, until) draws between two seconds.
  function layer(kept, key, at, paint) {
    const mark = JSON.stringify([key, at.perSecond, at.height, at.ratio, at.colour]);
    if (kept.mark !== mark || kept.from > at.from + 1e-6 || kept.until < at.until - 1e-6) {
      const margin = zoomedS === null ? 0 : span() / 2;
      Object.assign(kept, { mark, from: Math.max(0, at.from - margin), until: Math.min(whole(), at.until + margin) });
      kept.surface ??= document.createElement('canvas');
      const pen = penOf(kept.surface, (kept.until - kept.from) * at.perSecond + 1, at.height, at.ratio);
      paint(pen, (second) => (second - kept.from) * at.perSecond, kept.from, kept.until);
    }
    return kept;
  }

  // Lay a layer under the view, all of it or between two x.
  function lay(kept, at, x0 = at.left - 1, x1 = at.right + 1) {
    const { pen, ratio } = at;
    pen.save();
    pen.beginPath();
    pen.rect(x0, 0, Math.max(0, x1 - x0), at.height);
    pen.clip();
    pen.drawImage(kept.surface, Math.round(at.x(kept.from) * ratio) / ratio, 0, kept.surface.width / ratio, kept.surface.height / ratio);
    pen.restore();
  }

  // The playhead, and when zoomed which part of the whole is in view.
  function finish(at, top, bottom) {
    const { pen, colour, ratio } = at, x = at.x(player.position()), wide = Math.round(1.5 * ratio) / ratio;
    const left = Math.round((x - wide / 2) * ratio) / ratio;
    pen.globalAlpha = 1;
    if (player.available() && x >= at.left - 1 && x <= at.right + 1) {
      pen.fillStyle = colour.well;
      pen.fillRect(left - 1, top, wide + 2, bottom - top);
      pen.fillStyle = colour.ink;
      pen.fillRect(left, top, wide, bottom - top);
    }
    if (zoomedS === null) return;
    const long = at.right - at.left;
    pen.fillStyle = colour.line;
    pen.fillRect(at.left, at.height - 6, long, 3);
    pen.fillStyle = colour.soft;
    pen.fillRect(at.left + (at.from / whole()) * long, at.height - 6, Math.max(8, (span() / whole()) * long), 3);
  }

  return { frame, layer, lay, finish, tell, reset: () => { zoomedS = null; fromS = 0; } };
};
