/** Secrets do not leave the page: keys, ICE passwords, and internet addresses when asked. Pure. */
const SECRETS = [
  [/\b(sk|ek|pk)([-_])[\w-]{3,}/g, '$1$2[redacted]'],
  [/(Bearer\s+)[\w.~+/-]+=*/gi, '$1[redacted]'],
  [/(a=ice-(?:pwd|ufrag):)\S+/g, '$1[redacted]'],
]
const ADDRESSES = [/\b(?:\d{1,3}\.){3}\d{1,3}\b/g, /\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}\b|\b[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*::[0-9a-f:]*/gi]
const NAMES = /^(authorization|api_?key|password|credential|secret|icepwd|ice_pwd)$/i

/** Return the text without secrets. */
export function redactText(text, { addresses = false } = {}) {
  const plain = SECRETS.reduce((so_far, [found, put]) => so_far.replace(found, put), String(text))
  return addresses ? ADDRESSES.reduce((so_far, found) => so_far.replace(found, '[address]'), plain) : plain
}

/** Return a copy of any JSON value without secrets. */
export function redact(value, options = {}) {
  if (typeof value === 'string') return redactText(value, options)
  if (Array.isArray(value)) return value.map((one) => redact(one, options))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, NAMES.test(name) ? '[redacted]' : redact(one, options)]))
}
