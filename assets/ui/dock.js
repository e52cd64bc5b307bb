// The line of what goes on, docked to the window's lower edge while it tells something, or something sounds, out of view.
//
// In: makeDock(box): a status line with .ek-dock-play, .ek-dock-name and .ek-dock-stop, which are seen only in the dock. They
// stand for the player that sounds, or rests in the midst of a piece, and for the stop button of the same tab, and do what
// these do. Docked, it leaves its place free, so that nothing jumps.
window.ekphonia.makeDock = (box) => {
  const room = box.closest('[role=tabpanel]') || document.body, place = box.parentElement;
  const [play, name, stop] = ['play', 'name', 'stop'].map((part) => box.querySelector(`.ek-dock-${part}`));
  const END_S = 0.2;
  let lane = null, due = false;

  const sounds = (button) => button.matches('.ek-going, .ek-waits');
  function rests(button) {
    const { value, max } = button.parentElement.querySelector('.ek-seek');
    return !button.disabled && value > END_S && value < max - END_S;
  }

  function inView(node) {
    const { top, bottom } = node.getBoundingClientRect();
    return top >= 0 && bottom <= window.innerHeight;
  }

  const write = (node, attribute, text) => { if (node[attribute] !== text) node[attribute] = text; };
  // What the keyboard is on stays where it is, though it may have nothing left to do.
  const show = (node, shown) => write(node, 'hidden', !shown && document.activeElement !== node);

  function settle() {
    due = false;
    const tells = ['busy', 'warning'].includes(box.dataset.kind);
    lane = [...room.querySelectorAll('.ek-music .ek-play')].find(sounds) || (lane && lane.isConnected && rests(lane) ? lane : null);
    const line = tells && !inView(place), player = (lane && !inView(lane.parentElement)) || box.querySelector('.ek-dock').contains(document.activeElement);
    if (line && box.dataset.dock !== 'line') place.style.minHeight = `${place.offsetHeight}px`;
    if (!line) place.style.minHeight = '';
    if (line || player) mirror();
    write(box.dataset, 'dock', place.offsetWidth === 0 ? '' : line ? 'line' : player ? 'player' : '');
    const any = document.querySelector('.ek-status:is([data-dock=line], [data-dock=player])') !== null;
    const { classList } = document.documentElement, appears = any && !classList.contains('ek-has-dock');
    classList.toggle('ek-has-dock', any);
    if (appears) uncover(document.activeElement);
  }

  // The dock must not come to lie on what the keyboard is on; the page keeps the room for it by its scroll padding.
  function uncover(focused) {
    const { top, bottom } = focused.getBoundingClientRect();
    const free = window.innerHeight - parseFloat(getComputedStyle(document.documentElement).scrollPaddingBottom);
    const covered = top < window.innerHeight && bottom > free && !box.contains(focused);
    if (covered && focused.matches(':focus-visible')) focused.scrollIntoView({ block: 'nearest' });
  }

  function mirror() {
    const real = room.querySelector('button[id$="-stop"]'), going = Boolean(real) && !real.disabled;
    show(play, lane !== null);
    show(stop, going);
    write(stop, 'ariaDisabled', String(!going));
    if (real) write(stop, 'textContent', real.textContent.trim());
    if (!lane) return;
    play.classList.toggle('ek-going', lane.classList.contains('ek-going'));
    write(play, 'ariaLabel', lane.ariaLabel);
    write(name, 'textContent', lane.closest('.ek-music').querySelector('.ek-lane').textContent);
  }

  function later() {
    if (!due) requestAnimationFrame(settle);
    due = true;
  }

  play.addEventListener('click', () => { if (lane) lane.click(); });
  stop.addEventListener('click', () => { room.querySelector('button[id$="-stop"]').click(); });
  new MutationObserver(later).observe(room, { subtree: true, attributes: true, attributeFilter: ['class', 'disabled', 'data-kind'] });
  for (const event of ['scroll', 'resize']) window.addEventListener(event, later, { passive: true, capture: true });
  box.addEventListener('focusout', later);
  return later;
};
