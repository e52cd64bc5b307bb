// Two sounds of one length or another, played in step, of which one is heard: A and B change places without a gap, at the
// same second. Both run all the time, and a switch only turns one down while it turns the other up.
//
// In: makeTwosome(box, { name(side), root }): the element that holds .ek-switch, .ek-play, .ek-seek, .ek-time and .ek-ab-line;
// what a side is called, for the live line. Then take({ A, B }), the addresses of the sounds, or take(null).
// Keys within the box: A and B switch, space plays and pauses.
window.ekphonia.makeTwosome = (box, view) => {
  const { players, text } = window.ekphonia;
  const at = (name) => box.querySelector(name);
  const play = at('.ek-play'), seek = at('.ek-seek'), time = at('.ek-time'), line = at('.ek-ab-line');
  const radios = [...box.querySelectorAll('.ek-switch input')];
  const SIDES = ['A', 'B'], FADE_S = 0.02, LEAD_S = 0.05, FRAME_MS = 60;
  const sides = Object.fromEntries(SIDES.map((side) => [side, { address: null, buffer: null, source: null, gain: null }]));
  let context = null, heard = 'A', base = null, held = 0, waits = 0, frame = null, paintedAt = 0;

  const playing = () => base !== null;
  const length = () => Math.max(0, ...SIDES.map((side) => (sides[side].buffer ? sides[side].buffer.duration : 0)));
  const position = () => (playing() ? Math.min(length(), Math.max(held, context.currentTime - base)) : held);

  function open() {
    if (!context) {
      context = new AudioContext({ latencyHint: 'interactive' });
      for (const side of SIDES) {
        sides[side].gain = context.createGain();
        sides[side].gain.gain.value = side === heard ? 1 : 0;
        sides[side].gain.connect(context.destination);
      }
    }
    return context.state === 'suspended' ? context.resume() : Promise.resolve();
  }

  async function load(side) {
    const one = sides[side], { address } = one;
    if (one.buffer || !address) return;
    const twin = SIDES.map((name) => sides[name]).find((other) => other !== one && other.address === address && other.buffer);
    const answer = twin ? null : await fetch(view.root + address);
    if (answer && !answer.ok) throw new Error(`${answer.status}`);
    const buffer = twin ? twin.buffer : await context.decodeAudioData(await answer.arrayBuffer());
    if (one.address === address) one.buffer = buffer;
  }

  async function start() {
    const turn = ++waits;
    for (const other of players) if (other !== self) other.pause();
    say('takes.loading');
    try {
      await open();
      await Promise.all(SIDES.map(load));
    } catch {
      if (turn === waits) say('takes.no_sound');
      return;
    }
    if (turn !== waits) return;
    if (held >= length() - 0.05) held = 0;
    base = context.currentTime + LEAD_S - held;
    SIDES.forEach(sound);
    tell();
    follow();
  }

  function sound(side) {
    const one = sides[side], from = Math.max(0, context.currentTime + LEAD_S - base);
    silence(one);
    if (!one.buffer || from >= one.buffer.duration) return;
    one.source = context.createBufferSource();
    one.source.buffer = one.buffer;
    one.source.connect(one.gain);
    one.source.start(base + from, from);
  }

  function silence(one) {
    if (one.source) { one.source.stop(); one.source.disconnect(); }
    one.source = null;
  }

  function stop() {
    held = position();
    base = null;
    SIDES.forEach((side) => silence(sides[side]));
  }

  function pause() {
    waits += 1;
    const was = playing();
    if (was) stop();
    if (was || line.dataset.key === 'takes.loading') say('takes.paused');
    follow();
  }

  function choose(side) {
    if (side === heard) return;
    heard = side;
    radios.forEach((radio) => { radio.checked = radio.value === side; });
    if (radios.includes(document.activeElement)) radios.find((radio) => radio.checked).focus(); // arrows go on from there
    if (context) for (const name of SIDES) turn(sides[name].gain.gain, name === side ? 1 : 0);
    tell();
    follow();
  }

  function turn(gain, to) {
    const now = context.currentTime;
    gain.cancelScheduledValues(now);
    gain.setValueAtTime(gain.value, now);
    gain.linearRampToValueAtTime(to, now + FADE_S);
  }

  function goTo(second) {
    const goOn = playing();
    if (goOn) stop();
    held = second;
    if (goOn) { base = context.currentTime + LEAD_S - held; SIDES.forEach(sound); }
    follow();
  }

  // ---- what is said and seen of it ----
  function say(key, values = {}) {
    const words = key ? text(key, values) : '';
    line.dataset.key = key;
    if (line.textContent !== words) line.textContent = words;
  }
  const tell = () => { if (playing()) say('takes.playing', { name: view.name(heard) }); else if (line.dataset.key) say('takes.chosen', { name: view.name(heard) }); };
  const clock = (second) => `${Math.floor(second / 60)}:${String(Math.floor(second % 60)).padStart(2, '0')}`;

  function paint() {
    const here = position(), whole = length(), own = sides[heard].buffer;
    play.classList.toggle('ek-going', playing());
    play.setAttribute('aria-label', text(playing() ? 'takes.pause' : 'takes.play'));
    seek.disabled = !whole;
    if (whole) seek.max = whole.toFixed(1);
    if (document.activeElement !== seek || playing()) seek.value = here.toFixed(1);
    seek.setAttribute('aria-valuetext', text('player.clock', { here: clock(here), whole: clock(whole) }));
    const over = playing() && own && here > own.duration;
    const words = over ? text('takes.over', { side: heard }) : `${clock(here)} / ${clock(whole)}`;
    if (time.textContent !== words) time.textContent = words;
  }

  function follow() { if (frame === null) frame = requestAnimationFrame(step); }
  function step(now) {
    frame = null;
    if (playing() && position() >= length()) { stop(); held = 0; say('takes.ended'); }
    if (now - paintedAt >= FRAME_MS || !playing()) { paint(); paintedAt = now; }
    if (playing()) follow();
  }

  const self = { pause, busy: playing, run: () => '' };
  players.add(self);
  const toggle = () => (playing() ? pause() : start());
  play.addEventListener('click', toggle);
  seek.addEventListener('input', () => goTo(Number(seek.value)));
  radios.forEach((radio) => radio.addEventListener('change', () => choose(radio.value)));
  box.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const side = event.key.toUpperCase();
    if (SIDES.includes(side)) choose(side);
    else if (event.key === ' ' && event.target.tagName !== 'BUTTON') toggle();
    else return;
    event.preventDefault();
  });

  // Another pair: what plays goes on at the same second with it.
  async function take(addresses) {
    const changed = SIDES.filter((side) => sides[side].address !== (addresses ? addresses[side] : null));
    if (!changed.length) return;
    for (const side of changed) {
      silence(sides[side]);
      Object.assign(sides[side], { address: addresses ? addresses[side] : null, buffer: null });
    }
    if (!addresses || !playing()) {
      if (playing()) pause();
      held = Math.min(held, length() || held);
      follow();
      return;
    }
    const turn = waits;
    try {
      await Promise.all(changed.map(load));
    } catch {
      if (turn !== waits) return;
      pause();
      say('takes.no_sound');
      return;
    }
    if (turn !== waits || !playing()) return;
    changed.forEach(sound);
    tell();
    follow();
  }

  paint();
  return { take };
};
