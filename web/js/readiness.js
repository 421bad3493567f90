/** Whether a call could be made, looked at before anybody clicks. */
import { h, fill } from './h.js'
import { t } from './i18n.js'
import { permission } from './devices.js'

const SIGNS = { yes: '✓', no: '✗', ask: '?', wait: '…' }
const MICROPHONE = { granted: ['yes', 'ready.yes'], denied: ['no', 'ready.denied'] }

/** Draw the list: each [name, yes|no|ask|wait, words]. */
export async function draw(list, page, key) {
  fill(list, (await rows(page, key)).map(([name, is, words]) => h('li', { cls: is, data: { name } },
    h('span', { cls: `sign ${is}`, aria: { hidden: true } }, SIGNS[is]), h('strong', {}, t(`ready.${name}`)), h('span', {}, words))))
}

async function rows(page, key) {
  const [is, words] = window.isSecureContext ? MICROPHONE[await permission()] ?? ['ask', 'ready.ask'] : ['no', 'ready.no']
  return [
    page === undefined ? ['server', 'wait', t('ready.checking')] : page === null ? ['server', 'no', t('ready.unreachable')] : ['server', 'yes', page.version],
    model(page, key),
    window.isSecureContext ? ['secure', 'yes', t('ready.yes')] : ['secure', 'no', t('ready.insecure')],
    ['microphone', is, t(words)],
  ]
}

function model(page, key) {
  if (!page?.models.length) return ['model', page === undefined ? 'wait' : 'no', t(page === undefined ? 'ready.checking' : 'ready.no')]
  if (page.key_needed && !key) return ['model', 'ask', t('ready.key')]
  return ['model', 'yes', page.models.map((one) => one.name).join(', ')]
}

/** What the server says of itself; null when it does not answer. */
export async function ask() {
  try {
    const answer = await fetch('/page.json')
    return answer.ok ? await answer.json() : null
  } catch {
    return null
  }
}
