// What the page's components share: the plane of valence and arousal, the page's mood, and hushing the music.
window.ekphonia = Object.assign(window.ekphonia || {}, (() => {
  const { text: say } = window.ekphonia;
  const SVG = 'http://www.w3.org/2000/svg';
  const LABELS = ['Happy', 'Angry', 'Sad', 'Fun', 'Neutral'];
  const LEFT = 34, TOP = 12, SIDE = 292, LOW = 1, HIGH = 9;
  const REGIONS = [
    ['Angry', [[1, 5], [5, 5], [5, 9], [1, 9]], [[2.6, 8.2], [2.6, 6]]],
    ['Fun', [[5, 5], [9, 9], [5, 9]], [[6.2, 8.2], [7.3, 8.6]]],
    ['Happy', [[5, 5], [9, 9], [9, 1], [6, 1], [6, 5]], [[7.7, 4.6], [7.7, 1.7], [8, 6.6]]],
    ['Sad', [[1, 1], [4, 1], [4, 5], [1, 5]], [[2.4, 1.7], [2.4, 4.3]]],
    ['Neutral', [[4, 1], [6, 1], [6, 5], [4, 5]], [[5, 1.7], [5, 3.4]]],
  ]; // name, corners, where the name may stand: the first that is free
  const x = (valence) => LEFT + ((valence - LOW) / (HIGH - LOW)) * SIDE;
  const y = (arousal) => TOP + ((HIGH - arousal) / (HIGH - LOW)) * SIDE;
  const unit = SIDE / (HIGH - LOW);

  function shape(name, attributes, text) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  const labelName = (label) => say(`label.${label.toLowerCase()}`);

  function ground(taken) {
    const nodes = [], names = [];
    for (const [name, corners, places] of REGIONS) {
      const [v, a] = least(places, ([v, a]) => covered(boxAt(x(v), y(a), labelName(name)), taken));
      const points = corners.map((corner) => `${x(corner[0])},${y(corner[1])}`).join(' ');
      nodes.push(shape('polygon', { points, class: 'ek-region', style: `fill: var(--ek-c-${name.toLowerCase()})` }));
      names.push(shape('text', { x: x(v), y: y(a), class: 'ek-region-name' }, labelName(name)));
    }
    const middle = { cx: x(5), cy: y(5), r: unit, class: 'ek-middle' };
    nodes.push(shape('circle', middle));
    for (const step of [3, 7]) {
      nodes.push(shape('line', { x1: x(step), x2: x(step), y1: y(LOW), y2: y(HIGH), class: 'ek-grid' }));
      nodes.push(shape('line', { x1: x(LOW), x2: x(HIGH), y1: y(step), y2: y(step), class: 'ek-grid' }));
    }
    nodes.push(shape('line', { x1: x(5), x2: x(5), y1: y(LOW), y2: y(HIGH), class: 'ek-axis' }));
    nodes.push(shape('line', { x1: x(LOW), x2: x(HIGH), y1: y(5), y2: y(5), class: 'ek-axis' }));
    nodes.push(shape('rect', { x: LEFT, y: TOP, width: SIDE, height: SIDE, rx: 3, class: 'ek-edge' }));
    nodes.push(...axisNames(), ...names);
    return nodes;
  }

  function axisNames() {
    const below = TOP + SIDE + 20, beside = LEFT - 12;
    const up = (text, a, anchor) =>
      shape('text', { class: 'ek-axis-name', 'text-anchor': anchor, transform: `translate(${beside} ${y(a)}) rotate(-90)` }, text);
    return [
      shape('text', { x: x(LOW), y: below, class: 'ek-axis-name' }, say('plane.unpleasant')),
      shape('text', { x: x(HIGH), y: below, class: 'ek-axis-name', 'text-anchor': 'end' }, say('plane.pleasant')),
      up(say('plane.calm'), LOW, 'start'),
      up(say('plane.excited'), HIGH, 'end'),
    ];
  }

  // What was asked for is a disc, what was heard a diamond (piano) or a triangle (words), so that colour is not needed.
  const POINTS = {
    asked: (cx, cy) => shape('circle', { cx, cy, r: 8, class: 'ek-point ek-asked-point' }),
    'asked-too': (cx, cy) => shape('circle', { cx, cy, r: 10.5, class: 'ek-point ek-asked-too-point' }),
    heard: (cx, cy) => shape('rect', { x: cx - 6.5, y: cy - 6.5, width: 13, height: 13, transform: `rotate(45 ${cx} ${cy})`, class: 'ek-point ek-heard-point' }),
    'heard-too': (cx, cy) => shape('polygon', { points: `${cx},${cy - 9} ${cx + 9},${cy + 7} ${cx - 9},${cy + 7}`, class: 'ek-point ek-heard-too-point' }),
  };

  // ---- names: each beside its point, where it covers neither a point nor another name ----
  const HIGH_PX = 15, GLYPH_PX = 10, REACHES = [13, 24, 36, 50];
  const SIDES = [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [1, 1], [-1, -1], [-1, 1]];
  const wide = (text) => [...text].reduce((sum, sign) => sum + (sign.codePointAt(0) > 0x2e80 ? 13.5 : 7.3), 0);
  const boxAt = (cx, cy, text) => ({ x: cx - wide(text) / 2, y: cy - HIGH_PX / 2, width: wide(text), height: HIGH_PX });
  const shared = (low, size, otherLow, otherSize) => Math.max(0, Math.min(low + size, otherLow + otherSize) - Math.max(low, otherLow));
  const common = (one, other) => shared(one.x, one.width, other.x, other.width) * shared(one.y, one.height, other.y, other.height);
  const covered = (box, taken) => Math.round(taken.reduce((sum, other) => sum + common(box, other), 0));
  const least = (list, cost) => list.reduce((best, one) => (cost(one) < cost(best) ? one : best));
  const glyphBox = (cx, cy) => ({ x: cx - GLYPH_PX, y: cy - GLYPH_PX, width: 2 * GLYPH_PX, height: 2 * GLYPH_PX });

  function inside(box) {
    const within = (low, start, size) => Math.min(start + SIDE - 2 - size, Math.max(start + 2, low));
    return { ...box, x: within(box.x, LEFT, box.width), y: within(box.y, TOP, box.height) };
  }

  // The boxes for the points' names, in the points' order.
  function placeNames(points) {
    const taken = points.map((p) => glyphBox(x(p.valence), y(p.arousal)));
    return points.map(({ valence, arousal, name }) => {
      const cx = x(valence), cy = y(arousal), half = wide(name) / 2;
      const boxes = REACHES.flatMap((reach) => SIDES.map(([h, v]) => inside(boxAt(cx + h * ((v ? 6 : reach) + half), cy + v * (reach + 4), name))));
      const box = least(boxes, (one) => covered(one, taken));
      taken.push(box);
      return box;
    });
  }

  // The point of the plane under a pointer, brought to its edge.
  function pointAt(svg, event) {
    const spot = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const within = (value) => Math.round(Math.min(HIGH, Math.max(LOW, value)) * 10) / 10;
    return { valence: within(LOW + ((spot.x - LEFT) / SIDE) * (HIGH - LOW)), arousal: within(HIGH - ((spot.y - TOP) / SIDE) * (HIGH - LOW)) };
  }

  function doubt({ valence, arousal, valence_sd, arousal_sd, kind }) {
    if (!(valence_sd > 0)) return [];
    const frame = shape('svg', { x: LEFT, y: TOP, width: SIDE, height: SIDE, viewBox: `${LEFT} ${TOP} ${SIDE} ${SIDE}` });
    frame.append(shape('ellipse', { cx: x(valence), cy: y(arousal), rx: valence_sd * unit, ry: arousal_sd * unit, class: `ek-doubt ek-${kind}` }));
    return [frame]; // what lies beyond the plane is cut off
  }

  function nameAt({ name }, box) {
    return shape('text', { x: box.x + box.width / 2, y: box.y + box.height / 2 + 4.5, class: 'ek-point-name', 'text-anchor': 'middle' }, name);
  }

  function drawPlane(svg, points) {
    const boxes = placeNames(points);
    const nodes = ground([...boxes, ...points.map((p) => glyphBox(x(p.valence), y(p.arousal)))]);
    nodes.push(...points.flatMap(doubt));
    for (const to of points.slice(1).filter((point) => point.from !== null)) {
      const from = points[to.from || 0]; // from what was asked for to what was heard
      nodes.push(shape('line', { x1: x(from.valence), y1: y(from.arousal), x2: x(to.valence), y2: y(to.arousal), class: 'ek-apart' }));
    }
    nodes.push(...points.map((p) => POINTS[p.kind](x(p.valence), y(p.arousal))), ...points.map((p, number) => nameAt(p, boxes[number])));
    svg.replaceChildren(...nodes);
    svg.setAttribute('aria-label', planeInWords(points));
  }

  function planeInWords(points) {
    if (!points.length) return say('plane.empty');
    const spots = points.map((p) => say(p.valence_sd > 0 ? 'plane.point_doubt' : 'plane.point', p));
    return say('plane.points', { points: spots.join(say('plane.between')) });
  }

  const players = new Set();
  return {
    LABELS,
    drawPlane,
    pointAt,
    players,
    setMood: (label) => { document.documentElement.dataset.mood = label; },
    labelName,
    maker: (verb, name, seconds) => say(`maker.${verb}`, { name, seconds }),
    // The button that takes back what is the visitor's own is there while something is; the keyboard is not left nowhere.
    restorable: (box, own) => {
      const button = box.querySelector('.ek-restore');
      if (!own && button === document.activeElement) (box.querySelector('textarea, input') || box).focus();
      button.hidden = !own;
    },
    hush: () => players.forEach((player) => player.pause()),
  };
})());
