/** One JSON per language. `en-XA` is a pseudo-language that shows what was not taken from the file. */
let words = {}
let language = 'en'
let pseudo = false

const ACCENTS = { a: 'á', e: 'é', i: 'í', o: 'ó', u: 'ú', c: 'ç', n: 'ñ', s: 'š', A: 'Å', E: 'É', I: 'Î', O: 'Ö', S: 'Š' }
const AVAILABLE = ['en']

/** Read the words of the wished language, English where there is none. */
export async function load(wished) {
  pseudo = wished === 'en-XA'
  language = AVAILABLE.includes(wished) ? wished : 'en'
  const answer = await fetch(new URL(`../locale/${language}.json`, import.meta.url))
  words = await answer.json()
  document.documentElement.lang = pseudo ? 'en-XA' : language
}

/** Return the sentence of a key with `{name}` filled in; `n` chooses between `key.one` and `key.other`. */
export function t(key, values = {}) {
  const sentence = words[key] ?? words[`${key}.${plural(values.n)}`] ?? key
  const shown = pseudo ? disguise(sentence) : sentence
  return shown.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)
}

/** Whether there is a sentence of this name. */
export function has(key) {
  return key in words
}

/** Fill every element that names its words: data-t (text), data-t-label (aria-label), data-t-hint (placeholder). */
export function translate(root) {
  for (const element of root.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t)
  for (const element of root.querySelectorAll('[data-t-label]')) element.setAttribute('aria-label', t(element.dataset.tLabel))
  for (const element of root.querySelectorAll('[data-t-hint]')) element.setAttribute('placeholder', t(element.dataset.tHint))
}

/** Write a number for people. */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value)
}

/** Write milliseconds of call time as `m:ss` or `m:ss.t`. */
export function callTime(ms, tenths = false) {
  const all = Math.max(0, tenths ? Math.round(ms / 100) / 10 : Math.floor(ms / 1000))
  const minutes = Math.floor(all / 60)
  const seconds = (all - minutes * 60).toFixed(tenths ? 1 : 0)
  return `${minutes}:${seconds.padStart(tenths ? 4 : 2, '0')}`
}

function plural(n) {
  return n === undefined ? 'other' : new Intl.PluralRules(language).select(n)
}

function disguise(sentence) {
  const accented = sentence.replace(/\{\w+\}|[a-zA-Z]/g, (found) => (found.length > 1 ? found : ACCENTS[found] ?? found))
  return `⟦${accented}${'~'.repeat(Math.ceil(sentence.length * 0.3))}⟧`
}
