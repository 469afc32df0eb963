// The dials: what is asked, kept in the address so that a link shows the same.

const round = (x) => String(Number(x.toPrecision(4)));

// Laws by their mean and coefficient of variation. `cv` says which are possible; one value is no choice.
const LAWS = {
  'exp': { cv: [1, 1], phases: 'gamma', write: (mean) => `exp(${round(1 / mean)})` },
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
  'hyper-exp': { cv: [1.05, 4], phases: 'gamma', write: (mean, cv) => {
    const p = (1 + Math.sqrt((cv ** 2 - 1) / (cv ** 2 + 1))) / 2;
    return `hyper-exp(${round(p)}, ${round(2 * p / mean)}, ${round(2 * (1 - p) / mean)})`;
  } },
  'constant': { cv: [0, 0], write: (mean) => `constant(${round(mean)})` },
};

// Passing phases: a worker is fast for a while, then slow for a while, so that its step and its next have the correlation r,
// while mean and CV stay what they are. The phases hold the share sqrt(r) of the variance, and sqrt(r) of a phase is left after a
// step. At most half of the steps are slow, and so few that the fast phase keeps at least half of the mean.
function persistent(name, mean, cv, correlation) {
  const between = Math.sqrt(correlation);
  const slow = 1 / (1 + Math.max(1, 4 * between * cv ** 2));
  const apart = cv * Math.sqrt(between / (slow * (1 - slow)));
  const within = cv * Math.sqrt((1 - between) / (1 + between * cv ** 2));
  // A law without a CV to choose has phases of the family that it belongs to.
  const family = LAWS[name].phases ?? name;
  const phase = (part) => LAWS[family].write(mean * part, within);
  const stay = (leaving) => round(1 / ((1 - between) * leaving));
  return `markov(${phase(1 - slow * apart)}, ${phase(1 + (1 - slow) * apart)}, ${stay(slow)}, ${stay(1 - slow)})`;
}

const DEFAULTS = { a: 'sync', b: 'async', m: 8, law: 'exp', mean: 0.5, cv: 1, persist: 0, keep: 'pooled', slow: 1, comm: 0, seed: 0, eta: 0.05 };
const BOUNDS = { m: [1, 32], mean: [0.001, 1000], cv: [0, 4], persist: [0, 0.9], slow: [1, 10], comm: [0, 100], seed: [0, 4294967295], eta: [0.001, 1] };
const KEEPS = ['pooled', 'by-worker', 'rows', 'blocks:8'];
const WHOLE = ['m', 'seed'];

const state = { ...DEFAULTS };
// Measured times, dropped or in the page from the beginning: { typed: file and column as the binary reads them }.
let measured = null;

// Laws that may be chosen: those of numbers, and what was measured, once it is there.
const knownLaw = (law) => law in LAWS || (law === 'trace' && measured) || (law === 'profile' && settings.profile);

function readAddress() {
  Object.assign(state, DEFAULTS);
  const given = new URLSearchParams(location.hash.includes('=') ? location.hash.slice(1) : '');
  for (const [name, value] of given) {
    if (name in BOUNDS) setNumber(name, value);
    else if (name === 'law' && knownLaw(value)) state.law = value;
    else if (name === 'keep' && KEEPS.includes(value)) state.keep = value;
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
  if (!law) return;
  state.cv = Math.min(law.cv[1], Math.max(law.cv[0], state.cv));
  // What never varies has nothing that could last.
  if (law.cv[1] === 0) state.persist = 0;
}

function writeAddress() {
  const changed = Object.entries(state).filter(([name, value]) => value !== DEFAULTS[name]);
  const text = new URLSearchParams(changed.map(([name, value]) => [name, String(value)])).toString();
  history.replaceState(null, '', text ? `#${text}` : location.pathname + location.search);
}

// --- From dials to a command line.

const quoted = (text) => (/[ (),;'#$&*]/.test(text) ? `'${text.replaceAll("'", '')}'` : text);

// `shown` is how the binary has to be asked: it reads traces and profiles from their files.
function lawText(shown = false) {
  const { law, mean, cv, persist, keep } = state;
  if (law === 'trace') return `trace(${shown ? measured.typed : 'data'}${keep === 'pooled' ? '' : `, ${keep}`})`;
  if (law === 'profile') return settings.profile.name;
  return persist > 0 ? persistent(law, mean, cv, persist) : LAWS[law].write(mean, cv);
}

function stepOptions(shown) {
  if (state.law !== 'profile') return `--step-time ${quoted(lawText(shown))}`;
  return shown ? `--profile ${quoted(settings.profile.name)}` : settings.profile.options;
}

function clusterOptions(shown = false) {
  const options = [stepOptions(shown)];
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
