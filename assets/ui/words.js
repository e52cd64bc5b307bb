// In: { caption, prompt, parts, chosen }, or nothing yet; a field is { text, made_by, note, seconds }. Out: the events "caption"
// and "prompt" with { step, text }, the visitor's own words, and "restore" with { step }, to take them back. While the visitor writes in a
// field that holds words already, what comes does not overwrite them.
const { maker, restorable, put, text: say } = window.ekphonia;
const box = element.querySelector('.ek-words');
const forms = Object.fromEntries([...box.querySelectorAll('form')].map((form) => [form.dataset.step, form]));
const VERBS = { caption: 'described', prompt: 'written' };
const found = { caption: '', prompt: '' };

const area = (form) => form.querySelector('textarea');
const edited = (step) => area(forms[step]).value.trim() !== found[step].trim();

function settle(step) {
  const form = forms[step], text = area(form).value.trim();
  form.querySelector('[type=submit]').disabled = !found[step] || !text || !edited(step);
}

for (const [step, form] of Object.entries(forms)) {
  area(form).addEventListener('input', () => settle(step));
  area(form).addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.querySelector('.ek-restore').addEventListener('click', () => trigger('restore', { step }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (found[step] && area(form).value.trim() && edited(step)) trigger(step, { step, text: area(form).value.trim() });
  });
}

function show(step, value) {
  const form = forms[step], text = value ? value.text : '';
  const writing = value && found[step] && edited(step) && document.activeElement === area(form);
  if (text !== found[step]) {
    found[step] = text;
    if (!writing) area(form).value = text;
  }
  area(form).disabled = !value;
  const said = value && (value.made_by === 'you' ? say(`maker.${VERBS[step]}_by_you`) : maker(VERBS[step], value.made_by, value.seconds));
  form.querySelector('.ek-maker').textContent = said || '';
  restorable(form, Boolean(value) && value.made_by === 'you');
  put(form.querySelector('.ek-note'), value ? value.note : '');
  settle(step);
}

function part([name, text]) {
  const item = document.createElement('li'), label = document.createElement('span'), value = document.createElement('b');
  put(label, name);
  put(value, text);
  item.append(label, ' ', value);
  return item;
}

function paint() {
  const value = props.value || {};
  box.dataset.empty = String(!value.caption && !value.prompt);
  for (const step of Object.keys(forms)) show(step, value[step]);
  box.querySelector('.ek-parts').replaceChildren(...(value.parts || []).map(part));
  const chosen = box.querySelector('.ek-chosen');
  chosen.hidden = !(value.chosen || []).length;
  chosen.querySelector('ul').replaceChildren(...(value.chosen || []).map(part));
}

watch('value', paint);
paint();
