/** Every error as a code, its cause in words and one thing to do. */
import { h, fill, byId } from './h.js'
import { t } from './i18n.js'
import { redactText } from './redact.js'

/** What can be done about each; the names are the page's actions. `wait` starts again by itself when the time is over. */
export const ERRORS = {
  insecure: { action: 'open-https' },
  framed: { action: 'copy-allow' },
  unsupported: { action: null },
  'mic-dismissed': { action: 'start' },
  'mic-denied': { action: 'recheck' },
  'mic-os': { action: 'start' },
  'mic-none': { action: 'start' },
  'mic-busy': { action: 'start' },
  'mic-gone': { action: 'choose-microphone' },
  'mic-silent': { action: 'choose-microphone' },
  'audio-blocked': { action: 'sound-on' },
  'key-missing': { action: 'enter-key' },
  'key-bad': { action: 'enter-key' },
  forbidden: { action: 'enter-key' },
  limit: { action: 'start', countdown: true },
  full: { action: 'start', countdown: true, wait: true },
  draining: { action: 'start', countdown: true, wait: true },
  'model-unknown': { action: 'reload' },
  'provider-down': { action: 'start' },
  server: { action: 'start' },
  offline: { action: 'start' },
  'ice-failed': { action: 'start' },
  'no-media': { action: 'start' },
  lost: { action: 'start' },
  cap: { action: 'start' },
}

/** Name the error of a rejected getUserMedia, given what the browser says about the permission. */
export function microphoneError(problem, permission) {
  if (problem.name === 'NotAllowedError' || problem.name === 'SecurityError') {
    if (/system/i.test(problem.message)) return 'mic-os'
    return permission === 'prompt' ? 'mic-dismissed' : 'mic-denied'
  }
  return { NotFoundError: 'mic-none', DevicesNotFoundError: 'mic-none', OverconstrainedError: 'mic-gone' }[problem.name] ?? 'mic-busy'
}

const BY_STATUS = { 402: 'limit', 403: 'forbidden', 404: 'model-unknown', 429: 'limit' }

/** Name the error of a refused offer. */
export function refusalError({ status, code }, hadKey) {
  if (status === 401) return hadKey ? 'key-bad' : 'key-missing'
  if (status === 503) return /drain|shutdown|shutting/.test(code) ? 'draining' : 'full'
  return BY_STATUS[status] ?? 'server'
}

const BY_REASON = { max_duration: 'cap', connection_lost: 'lost', setup_timeout: 'no-media', provider_error: 'provider-down',
  provider_closed: 'provider-down', internal_error: 'server', protocol_error: 'server' }

/** Name the error of a call's end, `null` when it is no error (hung up, idle, server going down is drained). */
export function reasonError(reason) {
  return reason === 'server_shutdown' ? 'draining' : BY_REASON[reason] ?? null
}

/** What does not stand in the way of listening and typing. */
const WITHOUT = /^insecure$|^framed$|^mic-(?!gone|silent)/

/** The places on the page where cards stand; one card for each code. */
export class Cards {
  constructor(actions) {
    this.actions = actions
    this.timers = new Map()
    this.root = byId('errors')
  }

  /** Show an error in place; it stays until it is over or put away. */
  show(code, { detail = '', seconds = null, values = {}, form = null } = {}) {
    this.clear(code)
    const card = h('section', { cls: 'card error', role: 'alert', data: { code }, aria: { labelledby: `error-${code}` } },
      h('h2', { id: `error-${code}` }, h('span', { cls: 'sign', aria: { hidden: true } }, '!'), t(`error.${code}.title`, values)),
      h('p', {}, t(`error.${code}.cause`, values)),
      detail && h('p', { cls: 'detail', dir: 'auto' }, redactText(detail)),
      form, this.buttons(code, values, detail))
    this.root.append(card)
    if (seconds !== null && ERRORS[code].countdown) this.countDown(code, card, seconds)
    return card
  }

  /** Put a card away. */
  clear(code) {
    clearInterval(this.timers.get(code))
    this.timers.delete(code)
    this.root.querySelector(`[data-code="${code}"]`)?.remove()
  }

  clearAll() {
    for (const code of Object.keys(ERRORS)) this.clear(code)
  }

  buttons(code, values, detail) {
    const { action } = ERRORS[code]
    const act = () => this.actions[action](code)
    return h('p', { cls: 'actions' },
      action && h('button', { type: 'button', cls: 'primary', data: { action }, onclick: act }, t(`error.${code}.action`, values)),
      WITHOUT.test(code) && h('button', { type: 'button', data: { action: 'without' }, onclick: () => this.actions.without() }, t('without')),
      h('button', { type: 'button', onclick: () => this.actions.copy(`${code}: ${t(`error.${code}.cause`, values)} ${detail}`) }, t('error.copy')),
      h('button', { type: 'button', onclick: () => this.clear(code) }, t('error.dismiss')))
  }

  countDown(code, card, seconds) {
    let left = Math.max(1, Math.ceil(seconds))
    const line = h('p', { cls: 'countdown', aria: { live: 'off' } })
    const draw = () => fill(line, t(ERRORS[code].wait ? 'error.again_in' : 'error.may_in', { n: left }))
    draw()
    card.insertBefore(line, card.lastElementChild)
    this.timers.set(code, setInterval(() => {
      left -= 1
      draw()
      if (left > 0) return
      clearInterval(this.timers.get(code))
      if (ERRORS[code].wait) this.actions.start(code)
    }, 1000))
  }
}
