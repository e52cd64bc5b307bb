// In: { examples: [{ src, title, alt }] }. Out: the event "pick" with the picture's place in the row.
const wall = element.querySelector('.ek-wall');

function frame(example, number) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'ek-frame';
  const picture = document.createElement('img');
  picture.src = example.src;
  picture.alt = example.alt;
  picture.width = 360;
  picture.height = 270;
  const title = document.createElement('span');
  title.textContent = example.title;
  button.append(picture, title);
  button.addEventListener('click', () => trigger('pick', { number }));
  return button;
}

wall.replaceChildren(...((props.value && props.value.examples) || []).map(frame));
