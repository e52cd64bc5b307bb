// In: { wanted, heard, distance, nearness, sentence, made_by, seconds }, or nothing yet.
const { drawPlane, maker } = window.ekphonia;
const box = element.querySelector('.ek-heard');
const at = (name) => box.querySelector(name);

function paint() {
  const value = props.value && props.value.heard ? props.value : null;
  box.dataset.empty = String(!value);
  at('.ek-sentence').textContent = value
    ? value.sentence
    : 'When the piece is done, a second model listens to it alone, without the picture, and says what it feels.';
  at('.ek-maker').textContent = value ? maker('Heard by', value.made_by, value.seconds) : '';
  const points = value
    ? [
        { ...value.wanted, valence_sd: 0, arousal_sd: 0, kind: 'asked', name: 'asked for' },
        { ...value.heard, kind: 'heard', name: 'heard' },
      ]
    : [];
  drawPlane(at('.ek-plane'), points);
}

watch('value', paint);
paint();
