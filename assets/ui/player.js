// The player of a lane: chunks of sound in an AudioContext while they come, then the whole take as an <audio> element,
// which takes over when the visitor seeks or plays again, so that nothing is heard twice or torn.
//
// In: makePlayer(box, { name, rate, lastS(), draw(now), sound(part) }): the element that holds .ek-play, .ek-seek, .ek-time
// and <audio>; the lane in the keys player.play_NAME and pause_NAME; its sample rate; the last second that the view knows of; drawing, which says whether something
// still moves; and what is told of each chunk, its samples included. Then take(value) with every value: { run, asked_s,
// chunks, hold, sound, still }; what is `still` begins only when it is asked to. One lane plays at a time.
window.ekphonia.makePlayer = (box, view) => {
  const { players, text } = window.ekphonia;
  const at = (name) => box.querySelector(name);
  const play = at('.ek-play'), seek = at('.ek-seek'), time = at('.ek-time'), audio = at('audio');
  const LEAD_S = 0.06, FRAME_MS = 30, SMOOTH_MS = 12;
  const root = (window.gradio_config && window.gradio_config.root) || '';

  // ---- live sound ----
  let context = null, gain = null;
  const live = { buffers: [], sources: [], base: null, loading: 0, held: 0 };
  let mode = 'live', run = null, wanted = false, claimed = false, hold = false, askedS = 0;

  function openContext() {
    if (!context) {
      context = new AudioContext({ sampleRate: view.rate, latencyHint: 'interactive' });
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
    const buffer = new AudioBuffer({ length: frames, numberOfChannels: channels, sampleRate: view.rate });
    for (let c = 0; c < channels; c++) {
      const track = buffer.getChannelData(c);
      for (let i = 0; i < frames; i++) track[i] = pcm[i * channels + c] / 32767;
    }
    return buffer;
  }

  const TRIES = 3, PAUSE_MS = 400;

  async function load([address, second], number, ofRun) {
    for (let left = TRIES; left > 0; left--) {
      const answer = await fetch(root + address).catch(() => null);
      if (ofRun !== run) return;
      if (answer && answer.ok) {
        const buffer = bufferOf(await answer.arrayBuffer());
        if (ofRun === run) keep(number, second, buffer);
        return;
      }
      await new Promise((done) => { setTimeout(done, PAUSE_MS); });
    }
    // A chunk that does not come is silence, so that what follows is heard.
    if (ofRun === run) keep(number, second, new AudioBuffer({ length: 1, numberOfChannels: 1, sampleRate: view.rate }));
  }

  function keep(number, second, buffer) {
    live.buffers[number] = { start: second, buffer, scheduled: false };
    view.sound({ start: second, buffer });
    follow();
    pump();
  }

  function pump() {
    if (mode !== 'live' || !wanted || hold || !context || context.state !== 'running') return;
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
  const length = () => (mode === 'file' && audio.duration) || Math.max(liveEnd(), view.lastS(), askedS);
  const playing = () => (mode === 'file' ? !audio.paused : wanted && live.base !== null);
  const available = () => live.buffers.some(Boolean) || Boolean(audio.src);

  function toFile(second) {
    stopSources();
    wanted = false;
    mode = 'file';
    audio.currentTime = second;
  }

  function start() {
    for (const other of players) if (other !== self) other.pause();
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

  const self = { pause, busy: () => playing() || wanted, run: () => (run || '').split('/')[0] };
  players.add(self);
  play.addEventListener('click', () => (playing() || (wanted && mode === 'live') ? pause() : start()));
  seek.addEventListener('input', () => goTo(Number(seek.value)));
  for (const name of ['play', 'pause', 'seeked', 'ended', 'loadedmetadata']) audio.addEventListener(name, follow);

  // ---- what is seen of it ----
  const clock = (second) => `${Math.floor(second / 60)}:${String(Math.floor(second % 60)).padStart(2, '0')}`;

  function paintTransport() {
    const going = playing();
    const waits = wanted && mode === 'live' && live.base === null && live.buffers.length > 0 && (!context || context.state !== 'running');
    const gathers = wanted && mode === 'live' && hold && live.buffers.length > 0;
    play.disabled = !available();
    seek.disabled = play.disabled;
    play.classList.toggle('ek-going', going);
    play.classList.toggle('ek-waits', waits);
    play.setAttribute('aria-label', text(`player.${going ? 'pause' : 'play'}_${view.name}`));
    const whole = length(), here = position();
    seek.max = whole.toFixed(1);
    if (document.activeElement !== seek || going) seek.value = here.toFixed(1);
    seek.setAttribute('aria-valuetext', text('player.clock', { here: clock(here), whole: clock(whole) }));
    seek.style.setProperty('--part', whole ? here / whole : 0);
    time.textContent = waits ? text('player.click') : gathers ? text('player.gathering') : `${clock(here)} / ${clock(whole)}`;
  }

  // While the piece still comes, drawing is held back, so that sound is never late; the whole one is drawn as often as shown.
  let frame = null, drawnAt = 0, paintedAt = 0;
  function follow() {
    if (frame === null) frame = requestAnimationFrame(step);
  }
  function step(now) {
    frame = null;
    if (now - drawnAt < (audio.src ? SMOOTH_MS : FRAME_MS)) { follow(); return; }
    drawnAt = now;
    if (mode === 'live' && playing() && audio.src && position() >= liveEnd() - 0.02) toFile(0);
    const settling = view.draw(now);
    if (now - paintedAt >= FRAME_MS || !playing()) { paintTransport(); paintedAt = now; }
    if (settling || playing()) follow();
  }

  // A new run empties the player. The lane whose sound comes first plays by itself; the other waits to be asked.
  function begin(newRun) {
    stopSources();
    audio.pause();
    audio.removeAttribute('src');
    audio.load();
    Object.assign(live, { buffers: [], base: null, loading: 0, held: 0 });
    mode = 'live';
    run = newRun;
    if (run) for (const other of players) if (other !== self && other.run() !== self.run()) other.pause();
    wanted = claimed = false;
  }

  // Says whether the value begins a new run.
  function take(value) {
    askedS = (value && value.asked_s) || 0;
    const fresh = (value ? value.run : null) !== run;
    if (fresh) begin(value ? value.run : null);
    if (!value) { follow(); return fresh; }
    hold = Boolean(value.hold);
    const chunks = JSON.parse(`[${value.chunks || ''}]`);
    for (; live.loading < chunks.length; live.loading++) {
      const number = live.loading;
      load(chunks[number], number, run);
    }
    if (chunks.length && !claimed) {
      claimed = true;
      wanted = !value.still && ![...players].some((other) => other !== self && other.busy());
    }
    if (value.sound && !audio.src) audio.src = value.sound.url;
    pump();
    follow();
    return fresh;
  }

  return { take, goTo, follow, position, length, playing, available };
};
