// In: { files: [{ file, title, note, size }], making: { kind, part, text } or null }, or nothing yet. Out: the event "make" with
// { kind }.
const { text: say, put } = window.ekphonia;
const list = element.querySelector('ul');
const empty = element.querySelector('.ek-files-empty');
const more = element.querySelector('.ek-more');
const bar = more.querySelector('progress');
const KINDS = [['mp3', 'file.mp3'], ['ogg', 'file.ogg'], ['mp4', 'files.film'], ['zip', 'files.zip']];

const buttons = KINDS.map(([kind, name]) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = say(name);
  button.addEventListener('click', () => trigger('make', { kind }));
  return button;
});
more.querySelector('.ek-kinds').append(...buttons);

function row({ file, title, note, size }) {
  const item = document.createElement('li');
  const link = document.createElement('a');
  link.href = file.url;
  link.download = file.orig_name;
  const name = document.createElement('strong');
  const about = document.createElement('span');
  const bytes = document.createElement('em');
  put(name, title);
  put(about, note);
  put(bytes, size);
  link.append(name, about, bytes);
  item.append(link);
  return item;
}

let shown = '';
function paint() {
  const value = props.value || {}, files = value.files || [], making = value.making || null;
  const names = JSON.stringify(files.map(({ file, size }) => [file.url, size]));
  if (names !== shown) list.replaceChildren(...files.map(row)); // else a focused link would be lost while something is made
  shown = names;
  list.hidden = !files.length;
  empty.hidden = files.length > 0;
  more.hidden = !files.length;
  const going = Boolean(making) && making.part !== null;
  for (const button of buttons) button.disabled = going;
  put(more.querySelector('.ek-making'), making ? making.text : '');
  bar.hidden = !going;
  bar.value = going ? making.part : 0;
}

watch('value', paint);
paint();
