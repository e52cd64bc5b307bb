// In: { parts: [{ name, title, text }] }, or nothing yet; said in the page's language. The text is always there; the button has the browser's own
// voice speak it, sentence by sentence, and while it speaks the same button stops it. Nothing is spoken unasked. The
// voice counts as a player, so that it hushes the lanes, none begins over it, and a lane that is played stops it.
const box = element.querySelector('.ek-describe');
const at = (name) => box.querySelector(name);
const button = at('.ek-tell'), story = at('.ek-story'), line = at('.ek-telling');
const { players, hush, text: saying, said, put, tag } = window.ekphonia;
const voice = window.speechSynthesis;
const SILENT_MS = 4000;
let told = { lang: tag, parts: [] }, speaking = 0, runs = 0, silence = null;

const say = (text) => { if (line.textContent !== text) line.textContent = text; };
const isSpeaking = () => speaking !== 0;

// ---- the text ----
function block({ name }) {
  const made = document.createElement('section'), title = document.createElement('h3'), text = document.createElement('p');
  made.dataset.part = name;
  made.append(title, text);
  return made;
}

// What stays the same keeps its place in the document, so that neither a reader's cursor nor a selection is lost.
function show(parts) {
  const blocks = new Map([...story.children].map((node) => [node.dataset.part, node]));
  const nodes = parts.map((part) => blocks.get(part.name) || block(part));
  nodes.forEach((node, place) => { if (story.children[place] !== node) story.insertBefore(node, story.children[place] || null); });
  while (story.children.length > nodes.length) story.lastChild.remove();
  parts.forEach(({ title, text }, place) => {
    const [heading, words] = nodes[place].children;
    if (heading.textContent !== title) heading.textContent = title;
    if (words.textContent !== text) words.textContent = text;
  });
}

// ---- the voice ----
function sentences(lang, text) {
  if (!window.Intl || !Intl.Segmenter) return [text];
  return Array.from(new Intl.Segmenter(lang, { granularity: 'sentence' }).segment(text), ({ segment }) => segment.trim()).filter(Boolean);
}

function voiceFor(lang) {
  const [language] = lang.toLowerCase().split('-');
  const all = voice.getVoices().filter((one) => one.lang.toLowerCase().split(/[-_]/)[0] === language);
  return all.find((one) => one.localService && one.default) || all.find((one) => one.localService) || all[0] || null;
}

function utterance(words, part, run) {
  const made = new SpeechSynthesisUtterance(words);
  made.lang = told.lang;
  made.voice = voiceFor(told.lang);
  made.onstart = () => { if (run === speaking) { clearTimeout(silence); mark(part); } };
  made.onerror = ({ error }) => { if (run === speaking && !['canceled', 'interrupted'].includes(error)) giveUp(); };
  return made;
}

const mark = (part) => { for (const node of story.children) node.classList.toggle('ek-said', node.dataset.part === part); };

function settle() {
  clearTimeout(silence);
  put(button, { key: isSpeaking() ? 'describe.stop' : 'describe.tell' });
  button.disabled = !told.parts.length;
  if (!isSpeaking()) mark(null);
}

function start() {
  if (!voice) { giveUp(); return; }
  voice.cancel();
  hush();
  speaking = ++runs;
  const run = speaking;
  const all = told.parts.flatMap(({ name, title, text }) => [`${title}.`, ...sentences(told.lang, text)].map((words) => utterance(words, name, run)));
  all[all.length - 1].onend = () => { if (run === speaking) { stop(); say(saying('describe.that_was_all')); } };
  settle();
  say('');
  silence = setTimeout(() => { if (run === speaking) giveUp(); }, SILENT_MS);
  for (const one of all) if (run === speaking) voice.speak(one);
}

function stop() {
  if (!isSpeaking()) return;
  speaking = 0;
  voice.cancel();
  say('');
  settle();
}

function giveUp() {
  stop();
  say(saying('describe.no_voice'));
  story.focus();
}

players.add({ pause: stop, busy: isSpeaking, run: () => '' });
button.addEventListener('click', () => (isSpeaking() ? stop() : start()));
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') stop(); });
window.addEventListener('pagehide', stop);

function paint() {
  const value = props.value || {};
  const parts = (value.parts || []).map(({ name, title, text }) => ({ name, title: said(title), text: said(text) }));
  const kept = ({ name, text }) => parts.some((part) => part.name === name && part.text === text);
  if (!told.parts.every(kept)) stop(); // it may grow while it is told, but what is told must hold
  told = { lang: tag, parts };
  story.hidden = !parts.length;
  at('.ek-describe-empty').hidden = parts.length > 0;
  box.dataset.empty = String(!parts.length);
  show(told.parts);
  settle();
}

watch('value', paint);
paint();
