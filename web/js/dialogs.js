/** Settings, export and help. */
import { h, fill, byId } from './h.js'
import { t, callTime } from './i18n.js'
import * as settings from './settings.js'
import { options } from './picks.js'

const KEYS = [['M', 'm'], ['Space', 'space'], ['I', 'i'], ['T', 't'], ['1–4', '1'], ['/', 'slash'], ['Shift+E', 'e'], ['?', 'q']]
const CHECKS = ['ptt', 'record', 'shortcuts', 'headphones']

export function help() {
  fill(byId('help-keys'), KEYS.map(([key, name]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, t(`help.${name}`))]))
  byId('open-help').addEventListener('click', () => byId('help').showModal())
}

/** Wire the preferences; `changed(name)` is told after each was kept. */
export function preferences(prefs, changed) {
  const keep = (name, value) => {
    settings.keep(prefs, name, value)
    changed(name)
  }
  for (const name of CHECKS) {
    byId(name).checked = prefs[name]
    byId(name).addEventListener('change', ({ target }) => keep(name, target.checked))
  }
  range('silence', prefs, keep)
  range('caption', prefs, keep)
  byId('instructions').value = prefs.instructions
  byId('instructions').addEventListener('change', ({ target }) => keep('instructions', target.value))
  options(byId('announce-what'), ['off', 'user', 'all'].map((name) => [name, t(`announce.${name}`)]), prefs.announce)
  byId('announce-what').addEventListener('change', ({ target }) => keep('announce', target.value))
  byId('open-settings').addEventListener('click', () => byId('settings').showModal())
  byId('clear').addEventListener('click', () => {
    settings.clear()
    location.replace(location.pathname)
  })
}

function range(name, prefs, keep) {
  const say = () => { if (name === 'silence') byId('silence-out').textContent = t('settings.ms', { ms: byId(name).value }) }
  byId(name).value = prefs[name]
  say()
  byId(name).addEventListener('input', say)
  byId(name).addEventListener('change', ({ target }) => keep(name, Number(target.value)))
}

let exported  // loaded when somebody takes a call away

async function loaded() {
  exported ??= await import('./export.js')
}

/** The export dialog over a call; `copy(text)` goes to the clipboard, `view(saved)` shows a file. */
export function takeAway(talk, copy, view, complain) {
  const preview = () => { byId('preview').value = exported.json(talk.saved(), { addresses: byId('addresses').checked }).slice(0, 20_000) }
  const open = async () => {
    await loaded()
    buttons(talk, copy)
    preview()
    byId('export').showModal()
  }
  const read = async (file) => {
    try {
      await loaded()
      view(exported.parse(await file.text()))
      byId('export').close()
    } catch {
      byId('export').close()
      complain()
    }
  }
  byId('addresses').addEventListener('change', preview)
  for (const id of ['open-export', 'summary-export']) byId(id).addEventListener('click', open)
  byId('open-file').addEventListener('change', ({ target }) => target.files[0] && read(target.files[0]))
  addEventListener('dragover', (event) => event.preventDefault())
  addEventListener('drop', (event) => {
    event.preventDefault()
    if (event.dataTransfer?.files[0]) read(event.dataTransfer.files[0])
  })
}

function buttons(talk, copy) {
  const rows = () => talk.conversation.rows
  const button = (name, act) => h('button', { type: 'button', data: { name }, onclick: act }, t(`export.${name}`))
  fill(byId('export-buttons'), button('text', () => copy(exported.text(rows()))), button('markdown', () => copy(exported.markdown(rows()))),
    button('json', () => save('call.json', new Blob([exported.json(talk.saved(), { addresses: byId('addresses').checked })], { type: 'application/json' }))),
    button('report', () => save('call.html', new Blob([exported.report(talk.saved())], { type: 'text/html' }))),
    talk.levels.recording ? button('wav', () => save('call.wav', exported.wav(talk.levels.recording))) : h('span', { cls: 'small' }, t('export.no_wav')))
}

function save(name, blob) {
  const link = h('a', { href: URL.createObjectURL(blob), download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** The sentence at the end of a call. */
export function summary(talk, { p50, p95 }, reason) {
  const turns = talk.conversation.turns.length
  const said = t('ended.summary', { reason, n: turns, time: callTime(talk.at) })
  return p50 === null ? said : `${said} ${t('latency.summary', { p50: Math.round(p50), p95: Math.round(p95), n: turns })}`
}
