// The dials: what is asked, kept in the address so that a link shows the same.

const round = (x) => String(Number(x.toPrecision(4)));

// Laws by their mean and coefficient of variation. `cv` says which are possible; one value is no choice.
const LAWS = {
  'exp': { cv: [1, 1], write: (mean) => `exp(${round(1 / mean)})` },
  'shifted-exp': { cv: [0.02, 1], write: (mean, cv) => `shifted-exp(${round(mean * (1 - cv))}, ${round(1 / (cv * mean))})` },
  'gamma': { cv: [0.02, 3], write: (mean, cv) => `gamma(${round(1 / cv ** 2)}, ${round(mean * cv ** 2)})` },
  'lognormal': { cv: [0.02, 3], write: (mean, cv) => {
    const variance = Math.log(1 + cv ** 2);
    return `lognormal(${round(Math.log(mean) - variance / 2)}, ${round(Math.sqrt(variance))})`;
  } },
  'uniform': { cv: [0.02, 0.57], write: (mean, cv) => `uniform(${round(mean * (1 - Math.sqrt(3) * cv))}, ${round(mean * (1 + Math.sqrt(3) * cv))})` },
  'pareto': { cv: [0.05, 3], write: (mean, cv) => {
    const shape = 1 + Math.sqrt(1 + 1 / cv ** 2);
    return `pareto(${round(mean * (shape - 1) / shape)}, ${round(shape)})`;
  } },
  'hyper-exp': { cv: [1.05, 4], write: (mean, cv) => {
    const p = (1 + Math.sqrt((cv ** 2 - 1) / (cv ** 2 + 1))) / 2;
    return `hyper-exp(${round(p)}, ${round(2 * p / mean)}, ${round(2 * (1 - p) / mean)})`;
  } },
  'constant': { cv: [0, 0], write: (mean) => `constant(${round(mean)})` },
};

const DEFAULTS = { a: 'sync', b: 'async', m: 8, law: 'exp', mean: 0.5, cv: 1, slow: 1, comm: 0, seed: 0, eta: 0.05 };
const BOUNDS = { m: [1, 32], mean: [0.001, 1000], cv: [0, 4], slow: [1, 10], comm: [0, 100], seed: [0, 4294967295], eta: [0.001, 1] };
const WHOLE = ['m', 'seed'];

const state = { ...DEFAULTS };
// The dropped CSV: { name, column, law } once there is one.
let dropped = null;

function readAddress() {
  const given = new URLSearchParams(location.hash.includes('=') ? location.hash.slice(1) : '');
  for (const [name, value] of given) {
    if (name in BOUNDS) setNumber(name, value);
    else if (name === 'law' && value in LAWS) state.law = value;
    else if ((name === 'a' || name === 'b') && /^[a-z-]+(:[a-z0-9.]+)*$/.test(value)) state[name] = value;
  }
  keepPossible();
}

function setNumber(name, value) {
  const number = WHOLE.includes(name) ? Math.round(Number(value)) : Number(value);
  const [low, high] = BOUNDS[name];
  if (value !== '' && Number.isFinite(number)) state[name] = Math.min(high, Math.max(low, number));
}

function keepPossible() {
  const law = LAWS[state.law];
  if (law) state.cv = Math.min(law.cv[1], Math.max(law.cv[0], state.cv));
}

function writeAddress() {
  const changed = Object.entries(state).filter(([name, value]) => value !== DEFAULTS[name] && !(name === 'law' && value === 'trace'));
  const text = new URLSearchParams(changed.map(([name, value]) => [name, String(value)])).toString();
  history.replaceState(null, '', text ? `#${text}` : location.pathname + location.search);
}

// --- From dials to a command line.

const quoted = (text) => (/[ (),;']/.test(text) ? `'${text.replaceAll("'", '')}'` : text);

// `shown` is how the binary has to be asked: it reads a trace from its file.
function lawText(shown = false) {
  if (state.law !== 'trace') return LAWS[state.law].write(state.mean, state.cv);
  return shown ? dropped.typed : 'trace(data)';
}

function clusterOptions(shown = false) {
  const options = [`--step-time ${quoted(lawText(shown))}`];
  if (state.slow > 1) options.push(`--speeds ${[round(1 / state.slow), ...Array(31).fill(1)].join(',')}`);
  if (state.comm > 0) options.push(`--delay ${quoted(`constant(${round(state.comm)})`)}`);
  if (state.seed !== 0) options.push(`--seed ${state.seed}`);
  return options.join(' ');
}

const policies = () => (state.a === state.b ? state.a : `${state.a},${state.b}`);
const UPDATES = 2000;
const curveOptions = () => `--policies ${policies()} --updates ${UPDATES}`;
const learner = () => `--learner ${quoted(`quadratic(1, 1, ${round(state.eta)})`)}`;

function commandLine() {
  return `straggle simulate ${clusterOptions(true)} --max-workers ${state.m} ${curveOptions()} ${learner()}`;
}
