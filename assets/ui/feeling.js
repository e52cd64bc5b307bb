// In: { label, bars, point, sentence, made_by, note, seconds }, or nothing yet. Out: the event "emotion" with { step, valence,
// arousal }: the point that the visitor chose with the sliders or by dragging on the plane; and "restore" to take it back.
const { drawPlane, setMood, maker, LABELS, labelName, pointAt, restorable, number, put, text: say } = window.ekphonia;
const box = element.querySelector('.ek-feeling');
const at = (name) => box.querySelector(name);
const plane = at('.ek-plane'), form = at('.ek-correct');
const sliders = { valence: at('.ek-valence'), arousal: at('.ek-arousal') };
const ASKED = say('feeling.the_picture'), OWN = say('feeling.your_choice');
let found = null;

function bar({ name, part }) {
  const item = document.createElement('li');
  item.style.setProperty('--part', part ?? 0);
  item.style.setProperty('--own', `var(--ek-c-${name.toLowerCase()})`);
  const label = document.createElement('span');
  const track = document.createElement('i');
  const number = document.createElement('b');
  label.textContent = labelName(name);
  number.textContent = part === undefined ? '–' : say('feeling.share', { part: Math.round(part * 100) });
  item.append(label, track, number);
  return item;
}

const chosen = () => ({ valence: Number(sliders.valence.value), arousal: Number(sliders.arousal.value) });
const moved = () => found && ['valence', 'arousal'].some((name) => Math.abs(chosen()[name] - found.point[name]) > 0.051);

function set(point) {
  for (const [name, slider] of Object.entries(sliders)) {
    slider.value = point[name].toFixed(1);
    slider.nextElementSibling.textContent = number(Number(slider.value), '1');
    slider.setAttribute('aria-valuetext', say(`feeling.${name}_at`, { value: Number(slider.value) }));
  }
  settle();
}

function settle() {
  form.querySelector('button').disabled = !moved();
  const name = found && found.made_by === 'you' ? OWN : ASKED;
  const points = found ? [{ ...found.point, kind: 'asked', name }] : [];
  if (moved()) points.push({ ...chosen(), valence_sd: 0, arousal_sd: 0, kind: 'heard', name: OWN });
  drawPlane(plane, points);
}

for (const slider of Object.values(sliders)) slider.addEventListener('input', () => set(chosen()));
for (const type of ['pointerdown', 'pointermove']) {
  plane.addEventListener(type, (event) => {
    if (!found || (type === 'pointermove' && !plane.hasPointerCapture(event.pointerId))) return;
    if (type === 'pointerdown') plane.setPointerCapture(event.pointerId);
    event.preventDefault();
    set(pointAt(plane, event));
  });
}
at('.ek-restore').addEventListener('click', () => trigger('restore', { step: 'emotion' }));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (moved()) trigger('emotion', { step: 'emotion', ...chosen() });
});

function paint() {
  found = props.value && props.value.label ? props.value : null;
  box.dataset.empty = String(!found);
  at('.ek-label').textContent = found ? labelName(found.label) : say('feeling.not_read');
  put(at('.ek-sentence'), found ? found.sentence : { key: 'feeling.empty' });
  at('.ek-bars').replaceChildren(...(found ? found.bars : LABELS.map((name) => ({ name }))).map(bar));
  at('.ek-maker').textContent = !found ? '' : found.made_by === 'you' ? say('maker.chosen_by_you') : maker('read', found.made_by, found.seconds);
  restorable(box, Boolean(found) && found.made_by === 'you');
  put(at('.ek-note'), found ? found.note : '');
  for (const slider of Object.values(sliders)) slider.disabled = !found;
  if (found) set(found.point); else settle();
  if (found) setMood(found.label);
}

watch('value', paint);
paint();
