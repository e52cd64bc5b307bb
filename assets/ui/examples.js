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

// Gradio names its drop zone in other words than it shows; a name must hold what is seen.
function nameDropZone() {
  const zone = document.querySelector('#ek-picture button[aria-dropeffect]');
  const name = 'Hang a picture here Drop one, paste one, or click to choose';
  if (zone && zone.getAttribute('aria-label') !== name) zone.setAttribute('aria-label', name);
}
// The picture may be drawn after this, and anew for each picture that is taken away.
const room = element.closest('.ek-panel') || document.body;
new MutationObserver(nameDropZone).observe(room, { childList: true, subtree: true, attributeFilter: ['aria-label'] });
nameDropZone();
