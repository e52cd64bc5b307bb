// In: { files: [{ file, title, note, size }] }, or nothing yet.
const { put } = window.ekphonia;
const list = element.querySelector('ul');
const empty = element.querySelector('.ek-files-empty');

function row({ file, title, note, size }) {
  const item = document.createElement('li');
  const link = document.createElement('a');
  link.href = file.url;
  link.download = file.orig_name;
  for (const [kind, text] of [['strong', title], ['span', note], ['em', size]]) {
    const part = document.createElement(kind);
    put(part, text);
    link.append(part);
  }
  item.append(link);
  return item;
}

function paint() {
  const files = (props.value && props.value.files) || [];
  list.replaceChildren(...files.map(row));
  list.hidden = !files.length;
  empty.hidden = files.length > 0;
}

watch('value', paint);
paint();
