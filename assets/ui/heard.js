// In: { wanted, lanes: [{ lane, name, heard, distance, nearness, sentence, made_by, seconds }] }, or nothing yet.
const { drawPlane, maker, put, text: say } = window.ekphonia;
const box = element.querySelector('.ek-heard');
const at = (name) => box.querySelector(name);
const KINDS = { symbolic: 'heard', waveform: 'heard-too' };
const SHORT = { symbolic: 'heard.piano', waveform: 'heard.words' };

function said({ lane, sentence, made_by, seconds }) {
  const item = document.createElement('li'), text = document.createElement('p'), by = document.createElement('p');
  item.className = `ek-of-${lane}`;
  text.className = 'ek-sentence ek-large';
  by.className = 'ek-maker';
  put(text, sentence);
  by.textContent = maker('heard', made_by, seconds);
  item.append(text, by);
  return item;
}

function paint() {
  const lanes = (props.value && props.value.lanes) || [];
  box.dataset.empty = String(!lanes.length);
  at('.ek-heard-empty').hidden = lanes.length > 0;
  at('ul').replaceChildren(...lanes.map(said));
  at('.ek-key').hidden = !lanes.length;
  for (const [lane, mark] of [['symbolic', '.ek-got'], ['waveform', '.ek-got-too']]) at(mark).hidden = !lanes.some((said) => said.lane === lane);
  const points = lanes.map(({ lane, heard }) => ({ ...heard, kind: KINDS[lane], name: say(SHORT[lane]) }));
  lanes.forEach(({ asked }, place) => { // what the visitor's own prompt asks for, and from there to what was heard
    if (!asked) return;
    points[place].from = points.length + 1;
    points.push({ ...asked, valence_sd: 0, arousal_sd: 0, kind: 'asked-too', name: say('heard.your_prompt'), from: null });
  });
  at('.ek-prompt-asked').hidden = !lanes.some(({ asked }) => asked);
  if (lanes.length) points.unshift({ ...props.value.wanted, valence_sd: 0, arousal_sd: 0, kind: 'asked', name: say('heard.asked_for') });
  drawPlane(at('.ek-plane'), points);
}

watch('value', paint);
paint();
