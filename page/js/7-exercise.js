// The exercise: a cluster for every name, an answer that the binary checks too.

function startExercise() {
  const at = (id) => document.getElementById(id);
  let task;
  const show = () => {
    const name = at('name').value.trim().toLowerCase() || 'ada';
    task = ask(`task ${name}`);
    at('task').textContent = task.text;
    at('verdict').textContent = '';
    at('answer').max = task.workers;
    at('check-command').textContent = `straggle check ${at('answer').value || 'K'} --seed ${quoted(name)}`;
  };
  at('name').addEventListener('input', show);
  at('answer').addEventListener('input', show);
  at('check').addEventListener('click', () => {
    try {
      at('verdict').textContent = ask(`check ${at('answer').value || '0'} ${task.name}`).text;
    } catch (error) {
      at('verdict').textContent = error.message;
    }
  });
  at('set-up').addEventListener('click', () => {
    const [shift, rate] = task.step_time.match(/[\d.]+/g).map(Number);
    const mean = shift + 1 / rate;
    Object.assign(state, DEFAULTS, { a: `k-sync:${Math.ceil(task.workers / 2)}`, b: 'sync', m: task.workers, law: 'shifted-exp', mean, cv: 1 / rate / mean });
    dialsChanged();
    document.getElementById('lab').scrollIntoView();
  });
  show();
}
