// What the page's components share: the plane of valence and arousal, the page's mood, and hushing the music.
window.ekphonia = (() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const LABELS = ['Happy', 'Angry', 'Sad', 'Fun', 'Neutral'];
  const LEFT = 34, TOP = 12, SIDE = 292, LOW = 1, HIGH = 9;
  const REGIONS = [
    ['Angry', [[1, 5], [5, 5], [5, 9], [1, 9]], [2.6, 8.2]],
    ['Fun', [[5, 5], [9, 9], [5, 9]], [6.2, 8.2]],
    ['Happy', [[5, 5], [9, 9], [9, 1], [6, 1], [6, 5]], [7.7, 4.6]],
    ['Sad', [[1, 1], [4, 1], [4, 5], [1, 5]], [2.4, 1.7]],
    ['Neutral', [[4, 1], [6, 1], [6, 5], [4, 5]], [5, 1.7]],
  ];
  const x = (valence) => LEFT + ((valence - LOW) / (HIGH - LOW)) * SIDE;
  const y = (arousal) => TOP + ((HIGH - arousal) / (HIGH - LOW)) * SIDE;
  const unit = SIDE / (HIGH - LOW);

  function shape(name, attributes, text) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function ground() {
    const nodes = [];
    for (const [name, corners, [v, a]] of REGIONS) {
      const points = corners.map((corner) => `${x(corner[0])},${y(corner[1])}`).join(' ');
      nodes.push(shape('polygon', { points, class: 'ek-region', style: `fill: var(--ek-c-${name.toLowerCase()})` }));
      nodes.push(shape('text', { x: x(v), y: y(a), class: 'ek-region-name' }, name));
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
    nodes.push(...axisNames());
    return nodes;
  }

  function axisNames() {
    const below = TOP + SIDE + 20, beside = LEFT - 12;
    const up = (text, a, anchor) =>
      shape('text', { class: 'ek-axis-name', 'text-anchor': anchor, transform: `translate(${beside} ${y(a)}) rotate(-90)` }, text);
    return [
      shape('text', { x: x(LOW), y: below, class: 'ek-axis-name' }, 'unpleasant'),
      shape('text', { x: x(HIGH), y: below, class: 'ek-axis-name', 'text-anchor': 'end' }, 'pleasant →'),
      up('calm', LOW, 'start'),
      up('excited →', HIGH, 'end'),
    ];
  }

  // What was asked for is a disc, what was heard a diamond (piano) or a triangle (words), so that colour is not needed.
  const POINTS = {
    asked: (cx, cy) => shape('circle', { cx, cy, r: 8, class: 'ek-point ek-asked-point' }),
    heard: (cx, cy) => shape('rect', { x: cx - 6.5, y: cy - 6.5, width: 13, height: 13, transform: `rotate(45 ${cx} ${cy})`, class: 'ek-point ek-heard-point' }),
    'heard-too': (cx, cy) => shape('polygon', { points: `${cx},${cy - 9} ${cx + 9},${cy + 7} ${cx - 9},${cy + 7}`, class: 'ek-point ek-heard-too-point' }),
  };

  // How far below its point a name stands: the names of points that lie close to each other go different ways.
  function besides(others, { valence, arousal, kind }) {
    const near = others.filter((p) => p.kind !== kind && Math.abs(p.arousal - arousal) < 1.1 && Math.abs(p.valence - valence) < 2.6);
    if (!near.length) return 5;
    const order = [...near, { valence, arousal, kind }].sort((p, q) => q.arousal - p.arousal || p.kind.localeCompare(q.kind));
    const place = order.findIndex((p) => p.kind === kind);
    return [[-6, 17], [-12, 5, 22]][order.length - 2][place];
  }

  // The point of the plane under a pointer, brought to its edge.
  function pointAt(svg, event) {
    const spot = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const within = (value) => Math.round(Math.min(HIGH, Math.max(LOW, value)) * 10) / 10;
    return { valence: within(LOW + ((spot.x - LEFT) / SIDE) * (HIGH - LOW)), arousal: within(HIGH - ((spot.y - TOP) / SIDE) * (HIGH - LOW)) };
  }

  function mark({ valence, arousal, valence_sd, arousal_sd, kind, name }, others) {
    const cx = x(valence), cy = y(arousal);
    const nodes = [];
    if (valence_sd > 0) {
      const frame = shape('svg', { x: LEFT, y: TOP, width: SIDE, height: SIDE, viewBox: `${LEFT} ${TOP} ${SIDE} ${SIDE}` });
      frame.append(shape('ellipse', { cx, cy, rx: valence_sd * unit, ry: arousal_sd * unit, class: `ek-doubt ek-${kind}` }));
      nodes.push(frame); // what lies beyond the plane is cut off
    }
    nodes.push(POINTS[kind](cx, cy));
    const leftwards = valence > 6.6;
    const text = { x: cx + (leftwards ? -13 : 13), y: cy + besides(others, { valence, arousal, kind }), class: 'ek-point-name' };
    if (leftwards) text['text-anchor'] = 'end';
    nodes.push(shape('text', text, name));
    return nodes;
  }

  function drawPlane(svg, points) {
    const nodes = ground();
    const [from, ...others] = points;
    for (const to of others) {
      nodes.push(shape('line', { x1: x(from.valence), y1: y(from.arousal), x2: x(to.valence), y2: y(to.arousal), class: 'ek-apart' }));
    }
    for (const point of points) nodes.push(...mark(point, points));
    svg.replaceChildren(...nodes);
    svg.setAttribute('aria-label', planeInWords(points));
  }

  function planeInWords(points) {
    const ground = 'Plane of valence (unpleasant to pleasant) and arousal (calm to excited), each from 1 to 9';
    if (!points.length) return `${ground}; no point on it yet.`;
    const spots = points.map((p) => {
      const doubt = p.valence_sd > 0 ? `, give or take ${p.valence_sd.toFixed(1)} and ${p.arousal_sd.toFixed(1)}` : '';
      return `${p.name} at valence ${p.valence.toFixed(1)}, arousal ${p.arousal.toFixed(1)}${doubt}`;
    });
    return `${ground}: ${spots.join('; ')}.`;
  }

  const players = new Set();
  return {
    LABELS,
    drawPlane,
    pointAt,
    players,
    setMood: (label) => { document.documentElement.dataset.mood = label; },
    maker: (verb, name, seconds) => `${verb} the ${name}${seconds === undefined ? '' : `, in ${seconds.toFixed(2)} s`}`,
    hush: () => players.forEach((player) => player.pause()),
  };
})();
