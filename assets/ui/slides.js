// In: { slides: [{ begin_s, name, label, valence, arousal }] }, or nothing yet.
const { text, labelName } = window.ekphonia;
const list = element.querySelector('ol');
const clock = (second) => `${Math.floor(second / 60)}:${(second % 60).toFixed(1).padStart(4, '0')}`;

function row({ begin_s, name, label, valence, arousal }) {
  const item = document.createElement('li');
  const title = document.createElement('strong');
  const about = document.createElement('span');
  title.textContent = name;
  about.textContent = ` ${text('slides.row', { clock: clock(begin_s), label: labelName(label), valence, arousal })}`;
  item.append(title, about);
  return item;
}

function paint() {
  const slides = (props.value && props.value.slides) || [];
  list.replaceChildren(...slides.map(row));
  list.hidden = !slides.length;
}

watch('value', paint);
paint();
