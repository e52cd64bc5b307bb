// In: { text, detail, kind, progress }. The text is put into a live region; the same text is not put there twice.
const box = element.querySelector('.ek-status');
const line = box.querySelector('[role="status"]');
const bar = box.querySelector('.ek-progress span');

function paint() {
  const value = props.value;
  if (!value) return;
  if (line.textContent !== value.text) line.textContent = value.text;
  box.querySelector('.ek-detail').textContent = value.detail;
  box.dataset.kind = value.kind;
  bar.style.transform = `scaleX(${value.progress})`;
}

watch('value', paint);
paint();
