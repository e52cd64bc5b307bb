// The page's texts in the visitor's language, the first of the scripts. The catalogues of assets/ui/texts come with Gradio's
// configuration, which has them for its own components, or in window.ekphoniaTexts where there is no Gradio.
//
// text(key, values) is a text, counted by values.n; said(message) and put(node, message) are for what Python sends: a
// message { key, values } or { parts, between }, or a string, which is English and marked so where the page is not. Templates
// carry data-text="key" and data-text-ATTRIBUTE="key", filled as they come. The language is found as Gradio finds it.
window.ekphonia = (() => {
  const CATALOGUES = window.ekphoniaTexts || (window.gradio_config && window.gradio_config.i18n_translations) || {};
  const PLACE = /\{(\w+)(?::(\d|%))?\}/g;
  const ATTRIBUTES = { label: 'aria-label', roledescription: 'aria-roledescription', placeholder: 'placeholder', alt: 'alt', sure: 'data-sure' };
  const MARKED = ['[data-text]', ...Object.keys(ATTRIBUTES).map((name) => `[data-text-${name}]`)].join();
  const language = (() => {
    const wished = navigator.language || (navigator.languages || [])[0] || 'en', base = wished.split('-')[0];
    if (base === 'zh') return ['zh-CN', 'zh-TW'].includes(wished) && CATALOGUES.zh ? 'zh' : 'en';
    return CATALOGUES[base] ? base : 'en';
  })();
  const tag = language === 'zh' ? 'zh-CN' : language;
  const plural = new Intl.PluralRules(tag);

  const found = (key) => (CATALOGUES[language] || {})[key] ?? (CATALOGUES.en || {})[key];

  const formats = new Map();
  function number(value, form) {
    if (!formats.has(form)) {
      const options = form === '%' ? { style: 'percent' } : form ? { minimumFractionDigits: Number(form), maximumFractionDigits: Number(form) } : {};
      formats.set(form, new Intl.NumberFormat(tag, { ...options, useGrouping: false }));
    }
    return formats.get(form).format(value);
  }

  function text(key, values = {}) {
    const template = found(key) ?? found(`${key}.${plural.select(Number(values.n))}`) ?? found(`${key}.other`) ?? key;
    return template.replace(PLACE, (_, name, form) => (typeof values[name] === 'number' ? number(values[name], form) : said(values[name])));
  }

  function said(message) {
    if (message === undefined || message === null) return '';
    if (typeof message !== 'object') return String(message);
    return message.parts ? message.parts.map(said).join(text(message.between)) : text(message.key, message.values);
  }

  const foreign = (message) => language !== 'en' && typeof message === 'string' && message !== '';

  // The same words are not put there twice: a live region would read them out again.
  function put(node, message) {
    const words = said(message), parts = (message && message.parts) || [];
    if (node.textContent !== words) {
      if (parts.some(foreign)) node.replaceChildren(...parts.flatMap((part, place) => [...(place ? [text(message.between)] : []), foreign(part) ? english(part) : said(part)]));
      else node.textContent = words;
    }
    if (foreign(message)) node.lang = 'en'; else node.removeAttribute('lang');
  }

  function english(words) {
    const node = document.createElement('span');
    node.lang = 'en';
    node.textContent = words;
    return node;
  }

  // Once for each, for what a script has written there since stays; the markup itself is in English.
  function fill(node) {
    const { dataset } = node;
    if (dataset.filled || language === 'en') return;
    dataset.filled = language;
    const values = dataset.textValues ? JSON.parse(dataset.textValues) : {};
    if (dataset.text) {
      const words = text(dataset.text, values);
      if (node.textContent !== words) node.textContent = words;
    }
    for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
      const key = node.getAttribute(`data-text-${name}`);
      if (key) node.setAttribute(attribute, text(key, values));
    }
  }

  // The window's title is Gradio's to write.
  function entitle() {
    const title = found('page.title');
    if (title && document.title !== title) document.title = title;
  }

  function fillWithin(node) {
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    if (node.matches(MARKED)) fill(node);
    node.querySelectorAll(MARKED).forEach(fill);
  }

  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) addedNodes.forEach(fillWithin);
    entitle();
  }).observe(document, { childList: true, subtree: true });
  fillWithin(document.documentElement);
  entitle();

  // Gradio names the language that it found, which may be one in which it has words and the page has none.
  const root = document.documentElement;
  const name = () => { if (root.lang !== tag) root.lang = tag; };
  new MutationObserver(name).observe(root, { attributes: true, attributeFilter: ['lang'] });
  name();

  return { language, tag, text, said, put, number, has: (key) => found(key) !== undefined };
})();
