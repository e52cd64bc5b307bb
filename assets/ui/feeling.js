// In: { label, bars, point, sentence, made_by, seconds }, or nothing yet.
const { drawPlane, setMood, maker, LABELS } = window.ekphonia;
const box = element.querySelector('.ek-feeling');
const at = (name) => box.querySelector(name);
const ASKED = 'the picture';

function bar({ name, part }) {
  const item = document.createElement('li');
  item.style.setProperty('--part', part ?? 0);
  item.style.setProperty('--own', `var(--ek-c-${name.toLowerCase()})`);
  const label = document.createElement('span');
  const track = document.createElement('i');
  const number = document.createElement('b');
  label.textContent = name;
  number.textContent = part === undefined ? '–' : `${Math.round(part * 100)} %`;
  item.append(label, track, number);
  return item;
}

function paint() {
  const value = props.value && props.value.label ? props.value : null;
  box.dataset.empty = String(!value);
  at('.ek-label').textContent = value ? value.label : 'Not read yet';
  at('.ek-sentence').textContent = value
    ? value.sentence
    : 'Every picture has its place between unpleasant and pleasant, calm and excited.';
  at('.ek-bars').replaceChildren(...(value ? value.bars : LABELS.map((name) => ({ name }))).map(bar));
  at('.ek-maker').textContent = value ? maker('Read by', value.made_by, value.seconds) : '';
  drawPlane(at('.ek-plane'), value ? [{ ...value.point, kind: 'asked', name: ASKED }] : []);
  if (value) setMood(value.label);
}

watch('value', paint);
paint();
