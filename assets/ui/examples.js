// In: { examples: [{ src, title, alt, name }] }; title and alt are said by the keys of the name where there are any. Out: the event "pick" with the picture's place in the row.
const { text: say, has } = window.ekphonia;
const wall = element.querySelector('.ek-wall');

function frame(example, number) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'ek-frame';
  const picture = document.createElement('img');
  picture.src = example.src;
  picture.alt = has(`example.${example.name}_alt`) ? say(`example.${example.name}_alt`) : example.alt;
  picture.width = 360;
  picture.height = 270;
  const title = document.createElement('span');
  title.textContent = has(`example.${example.name}`) ? say(`example.${example.name}`) : example.title;
  button.append(picture, title);
  button.addEventListener('click', () => trigger('pick', { number }));
  return button;
}

wall.replaceChildren(...((props.value && props.value.examples) || []).map(frame));

// Gradio names its drop zones in other words than they show; a name must hold what is seen, so theirs goes. They may be
// drawn later than this, and anew for each picture that is taken away.
let looking = false;
function nameDropZones() {
  looking = false;
  for (const zone of document.querySelectorAll('gradio-app button[aria-dropeffect][aria-label]')) {
    if (zone.textContent.trim()) zone.removeAttribute('aria-label');
    const around = zone.parentElement.closest('button[aria-label="common.upload"]'); // the key of a text it has not
    if (around) around.ariaLabel = around.title = zone.ariaLabel;
  }
}
new MutationObserver(() => {
  if (!looking) requestAnimationFrame(nameDropZones);
  looking = true;
}).observe(document.body, { childList: true, subtree: true, attributeFilter: ['aria-label'] });
nameDropZones();
