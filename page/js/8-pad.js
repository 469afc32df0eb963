// A pad to draw a digit on, where a model server stands behind the page.

function startPad() {
  if (!settings.models?.length) return;
  document.body.classList.add('served');
  const canvas = document.getElementById('ink'), select = document.getElementById('pad-model');
  select.append(...settings.models.map((name) => Object.assign(document.createElement('option'), { value: name, textContent: name })));
  const ink = canvas.getContext('2d');
  let token = '';
  const section = document.getElementById('pad'), pen = document.getElementById('pen'), list = document.getElementById('guess');
  let from = null, cursor = { x: 140, y: 60, down: false }, asking = 0;
  const busy = (is) => section.setAttribute('aria-busy', String(is));
  const wipe = () => {
    ink.fillStyle = '#fff';
    ink.fillRect(0, 0, canvas.width, canvas.height);
    list.replaceChildren();
    Object.assign(cursor, { x: 140, y: 60, down: false });
    showPen();
    // An answer that is under way is to what was there before.
    asking++;
    busy(false);
  };
  // Where the pen of the keys is: a ring, filled while it is down.
  const showPen = () => {
    pen.style.left = `${100 * cursor.x / canvas.width}%`;
    pen.style.top = `${100 * cursor.y / canvas.height}%`;
    pen.classList.toggle('down', cursor.down);
    canvas.setAttribute('aria-label', `Pad: arrow keys move, space is the pen; pen ${cursor.down ? 'down' : 'up'} at ${cursor.x}, ${cursor.y} of 280`);
  };
  const stroke = (from, to) => {
    Object.assign(ink, { strokeStyle: '#000', lineWidth: 22, lineCap: 'round', lineJoin: 'round' });
    ink.beginPath();
    ink.moveTo(from.x, from.y);
    ink.lineTo(to.x, to.y);
    ink.stroke();
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) * canvas.width / box.width, y: (event.clientY - box.top) * canvas.height / box.height };
  };
  const blob = () => new Promise((done) => canvas.toBlob(done, 'image/png'));
  const guess = async () => {
    const mine = ++asking;
    busy(true);
    try {
      const body = await blob();
      const response = await fetch(`predictions/${encodeURIComponent(select.value)}`,
        { method: 'PUT', body, headers: token ? { authorization: `Bearer ${token}` } : {} });
      const answered = await response.json();
      if (mine !== asking) return;
      if (response.status === 401 && (token = prompt('The server wants its token:')?.trim() ?? '')) { guess(); return; }
      if (!response.ok) throw new Error(answered.message);
      list.replaceChildren(...Object.entries(answered).sort((x, y) => y[1] - x[1]).map(([label, share]) => {
        const line = document.createElement('li');
        const track = Object.assign(document.createElement('span'), { className: 'track' });
        const bar = Object.assign(document.createElement('span'), { className: 'bar' });
        bar.style.width = `${100 * share}%`;
        track.append(bar);
        line.append(Object.assign(document.createElement('strong'), { textContent: label }), track,
          Object.assign(document.createElement('span'), { textContent: `${(100 * share).toFixed(1)} %` }));
        return line;
      }));
    } catch (error) {
      if (mine !== asking) return;
      list.replaceChildren(Object.assign(document.createElement('li'), { className: 'error', textContent: error.message }));
    }
    busy(false);
  };
  canvas.addEventListener('pointerdown', (event) => { canvas.setPointerCapture(event.pointerId); from = place(event); stroke(from, from); });
  canvas.addEventListener('pointermove', (event) => { if (from) { const next = place(event); stroke(from, next); from = next; } });
  canvas.addEventListener('pointerup', () => { from = null; guess(); });
  canvas.addEventListener('pointercancel', () => { from = null; });
  canvas.addEventListener('keydown', (event) => {
    const move = { ArrowLeft: [-12, 0], ArrowRight: [12, 0], ArrowUp: [0, -12], ArrowDown: [0, 12] }[event.key];
    if (event.key === ' ') cursor.down = !cursor.down;
    else if (!move) return;
    event.preventDefault();
    const clamp = (v) => Math.min(270, Math.max(10, v));
    const next = move ? { ...cursor, x: clamp(cursor.x + move[0]), y: clamp(cursor.y + move[1]) } : cursor;
    if (cursor.down) { stroke(cursor, next); guess(); }
    cursor = next;
    showPen();
  });
  document.getElementById('wipe').addEventListener('click', wipe);
  select.addEventListener('change', () => { if (list.children.length > 0) guess(); });
  wipe();
}
