// In: { text, detail, kind, progress }. The text is put into a live region; the same text is not put there twice.
const { put } = window.ekphonia;
const box = element.querySelector('.ek-status');
const line = box.querySelector('[role="status"]');
const bar = box.querySelector('.ek-progress span');

function paint() {
  const value = props.value;
  if (!value) return;
  put(line, value.text);
  put(box.querySelector('.ek-detail'), value.detail);
  box.dataset.kind = value.kind;
  bar.style.transform = `scaleX(${value.progress})`;
}

watch('value', paint);
paint();
window.ekphonia.makeDock(box)();
