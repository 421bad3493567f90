/** What is remembered: preferences in localStorage, the key in sessionStorage, choices in the address. */
const STORE = 'mediaserver.preferences'
const KEY = 'mediaserver.key'

export const DEFAULTS = {
  view: 'simple', panel: 'latency', theme: 'system', lang: '', model: '', voice: '', ptt: false, silence: 500,
  instructions: '', microphone: '', speaker: '', headphones: false, shortcuts: true, announce: 'off', caption: 16,
  record: false, inspector: 400,
}

const FROM_ADDRESS = {
  view: (value) => (['simple', 'inspect'].includes(value) ? value : undefined),
  panel: (value) => (['latency', 'network', 'events', 'code'].includes(value) ? value : undefined),
  model: (value) => value.slice(0, 200), voice: (value) => value.slice(0, 200), lang: (value) => value.slice(0, 20),
  ptt: (value) => ['1', 'true'].includes(value),
}

/** Return the preferences: what was stored, over it what the address says. */
export function load() {
  return { ...DEFAULTS, ...stored(), ...fromAddress(new URLSearchParams(location.search)) }
}

/** Remember one preference. */
export function keep(settings, name, value) {
  settings[name] = value
  try {
    localStorage.setItem(STORE, JSON.stringify({ ...stored(), [name]: value }))
  } catch { /* a browser that stores nothing is still a browser that can call */ }
}

/** Show a choice in the address, so that it can be sent to somebody. */
export function show(name, value) {
  const address = new URL(location.href)
  address.searchParams.set(name, value)
  history.replaceState(null, '', address)
}

/** Forget everything that this page stored. */
export function clear() {
  localStorage.removeItem(STORE)
  sessionStorage.removeItem(KEY)
}

/** Return the key: `#ek=` of the address once, then it is gone from there; else the one typed in this tab. */
export function key() {
  const secret = new URLSearchParams(location.hash.slice(1)).get('ek')
  if (secret) {
    history.replaceState(null, '', location.pathname + location.search)
    keepKey(secret)
  }
  try {
    return secret || sessionStorage.getItem(KEY) || ''
  } catch {
    return secret || ''
  }
}

/** Keep a key until this tab is closed. */
export function keepKey(secret) {
  try {
    sessionStorage.setItem(KEY, secret)
  } catch { /* it is used for this call and asked for again */ }
}

function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(STORE) ?? '{}')
    return Object.fromEntries(Object.entries(found ?? {}).filter(([name, value]) => typeof value === typeof DEFAULTS[name]))
  } catch {
    return {}
  }
}

function fromAddress(query) {
  const rows = Object.entries(FROM_ADDRESS).map(([name, read]) => [name, query.has(name) ? read(query.get(name)) : undefined])
  return Object.fromEntries(rows.filter(([, value]) => value !== undefined))
}
