/** The page: makes every part once and joins them. */
import { h, fill, byId } from './h.js'
import { t, has, load, translate, callTime } from './i18n.js'
import * as settings from './settings.js'
import * as theme from './theme.js'
import * as states from './states.js'
import * as keys from './keys.js'
import * as picks from './picks.js'
import * as dialogs from './dialogs.js'
import * as network from './network.js'
import * as readiness from './readiness.js'
import * as devices from './devices.js'
import { Cards, ERRORS } from './errors.js'
import { EventLog } from './eventlog.js'
import { Meters } from './meters.js'
import { Talk } from './talk.js'
import { Transcript, asLines, asText } from './transcript.js'
import { Waterfall, percentiles } from './waterfall.js'
import { grip, tablist } from './tabs.js'
import { snippets } from './code.js'

const root = document.documentElement
const PANELS = ['latency', 'network', 'events', 'code']
const ASK_HINT_MS = 20_000
const LONG_THOUGHT_MS = 8_000
const STATUS_EVERY_MS = 1500
const MUTED_RMS = 0.03

const prefs = settings.load()
await load(prefs.lang || 'en')
translate(document)
theme.apply(prefs.theme)

// --- what the call tells the page ---------------------------------------------------------------------------------------

const ui = {
  fresh() {
    cards.clearAll()
    transcript.clear()
    log.ring = talk.ring
    log.refresh()
    fill(byId('log-detail'))
    waterfall.selected = null
    ui.turns()
    ui.line()
    hint('')
  },
  state: (state) => showState(state),
  rows(rows) {
    transcript.draw(rows, talk.conversation.turns)
    for (const row of rows) announce(row)
    if (rows.some((row) => row.kind === 'user' && echoes(row))) hint('hint.echo')
  },
  turns() {
    waterfall.silence = prefs.silence
    waterfall.plusMinus = talk.clock.uncertainty
    waterfall.down = (talk.line.last?.rtt ?? 0) / 2 + (talk.line.last?.down.buffer ?? 0)
    waterfall.draw(talk.conversation.turns)
    transcript.draw(talk.conversation.rows.filter((row) => row.turn !== null), talk.conversation.turns)
  },
  error: (code, more) => showError(code, more),
  calm: (code) => cards.clear(code),
  log: () => log.changed(),
  line() {
    const places = { bars: byId('line-bars'), word: byId('line-word'), warnings: byId('warnings'), carrier: byId('carrier') }
    network.sign(places, talk.line, talk.onSocket)
    if (prefs.panel === 'network') network.panel(byId('panel-network'), talk.line, talk.onSocket)
  },
  granted(track) {
    const shown = (value) => (typeof value === 'boolean' ? t(value ? 'on' : 'off') : value)
    byId('granted').textContent = devices.granted(track).map(([name, value]) => t(`granted.${name}`, { value: shown(value) })).join(' · ')
    if (devices.narrow(track)) hint('hint.narrow')
    picks.devices(byId('microphone'), byId('speaker'), prefs)
  },
  tick: (state, now, changed) => tick(state, now, changed),
}

const audio = byId('audio')
const talk = new Talk({ prefs, audio, ui })
const cards = new Cards({
  start: (code) => start(/^mic/.test(code) ? {} : wanted),
  without: () => start({ microphone: false }),
  copy,
  'open-https': () => (talk.page?.https_url ? location.assign(talk.page.https_url) : copy(tunnel())),
  'copy-allow': () => copy('allow="microphone; autoplay"'),
  'choose-microphone': () => byId('microphone').focus(),
  'sound-on': () => soundOn(),
  'enter-key': (code) => enterKey(code),
  recheck: async () => ((await devices.permission()) === 'denied' ? readiness.draw(byId('readiness'), talk.page, talk.key) : start()),
  reload: () => location.reload(),
})
const transcript = new Transcript(byId('rows'), byId('more'), { select: selectTurn, inspect: () => prefs.view === 'inspect', remember: (id) => talk.remember(id) })
const waterfall = new Waterfall(byId('panel-latency'), selectTurn)
const log = new EventLog({ scroller: byId('log'), list: byId('log-rows'), detail: byId('log-detail'),
  filters: { text: byId('filter'), direction: byId('direction'), group: byId('group'), turn: byId('this-turn') } },
talk.ring, copy, () => waterfall.selected ?? talk.conversation.turns.at(-1)?.n ?? 0)
const meters = new Meters([byId('mic-meter'), byId('agent-meter')], [byId('mic-level'), byId('agent-level')],
  () => talk.levels.latest, () => talk.state.name === 'hearing')

// --- states -----------------------------------------------------------------------------------------------------------------

let told = { name: '', at: 0 }
let wasLive = false
let wakeLock = null

function showState(state) {
  const name = states.shown(state)
  root.dataset.state = name
  const live = states.live(state)
  const deaf = live && talk.stream === null
  byId('state-word').textContent = t(deaf && name === 'listening' ? 'state.typing' : `state.${name}`)
  for (const id of ['mute', 'hold']) byId(id).disabled = !live || deaf
  byId('stop').disabled = !live
  if (deaf && !wasLive) byId('text').focus() // session.created may come before the connection is said to be up
  wasLive = live
  byId('end').disabled = !states.busy(state)
  byId('end').textContent = t(['asking', 'connecting'].includes(name) ? 'cancel' : 'end')
  byId('mute').textContent = t(state.muted ? 'unmute' : 'mute')
  byId('mute').setAttribute('aria-pressed', String(state.muted))
  byId('hold').hidden = !prefs.ptt
  byId('recording').hidden = !(live && prefs.record)
  for (const id of ['model', 'record']) byId(id).disabled = states.busy(state)
  states.busy(state) ? meters.start() : meters.stop()
  if (name === 'ended') ended()
  keepAwake(live)
}

function ended() {
  const key = `reason.${talk.reason}`
  byId('summary').hidden = false
  byId('summary-text').textContent = dialogs.summary(talk, percentiles(talk.conversation.turns), t(has(key) ? key : 'reason.other'))
  byId('again').focus({ preventScroll: true })
  transcript.toEnd()
}

/** What else is to be said about a state: a step, a count, a name. */
const MORE = {
  asking: () => t('more.asking'),
  connecting: (s) => t('more.connecting', { step: t(`step.${talk.step}`), s }),
  thinking: (s, long) => (talk.thinkingTool ? t('more.thinking_tool', { tool: talk.thinkingTool, s })
    : t(long ? 'more.thinking_long' : 'more.thinking', { s, model: prefs.model })),
  speaking: () => t(prefs.ptt ? 'more.speaking_ptt' : 'more.speaking'),
  reconnecting: () => (talk.retry ? t('more.reconnecting', talk.retry) : ''),
}

function tick(state, now, changed) {
  if (changed) showState(state)
  const name = states.shown(state)
  const gone = now - state.since
  const more = MORE[name]?.(Math.floor(gone / 1000), gone > LONG_THOUGHT_MS) ?? ''
  if (byId('state-more').textContent !== more) byId('state-more').textContent = more
  byId('clock').textContent = callTime(talk.at)
  if (name === 'asking' && gone > ASK_HINT_MS) hint('hint.asking')
  if (name !== 'asking' && byId('hint').dataset.key === 'hint.asking') hint('')
  if (name === 'muted' && talk.levels.latest.mic.rms > MUTED_RMS) hint('hint.muted')
  if (name !== 'muted' && byId('hint').dataset.key === 'hint.muted') hint('')
  say(name, now)
}

/** Tell a screen reader of a state, at most one in a second and a half. */
function say(name, now) {
  if (name === told.name || now - told.at < STATUS_EVERY_MS) return
  told = { name, at: now }
  byId('status').textContent = t(`state.${name}`)
}

/** Whole sentences for a screen reader, when a person asked for them. */
function announce(row) {
  const wanted = { off: [], user: ['user'], all: ['user', 'agent'] }[prefs.announce]
  const whole = row.kind === 'user' ? row.final : row.cut || (row.ledger && !row.unheard)
  if (!wanted.includes(row.kind) || !whole || row.announced) return
  row.announced = true
  byId('announce').append(h('p', {}, asText(row)))
  while (byId('announce').childElementCount > 5) byId('announce').firstElementChild.remove()
}

/** Whether five words of the agent came back as the user's: the microphone hears the loudspeaker. */
function echoes(row) {
  const said = row.final && row.text.toLowerCase().split(/\s+/)
  const agent = talk.conversation.rows.filter((one) => one.kind === 'agent').at(-1)?.heard.toLowerCase() ?? ''
  return said && said.length >= 5 && agent.includes(said.slice(0, 5).join(' ')) && prefs.model !== 'echo'
}

function hint(key) {
  byId('hint').dataset.key = key
  byId('hint').hidden = key === ''
  byId('hint').textContent = key === '' ? '' : t(key)
}

async function keepAwake(live) {
  if (live === (wakeLock !== null)) return
  const old = wakeLock
  wakeLock = live ? {} : null
  if (live) wakeLock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? {}
  else old?.release?.().catch(() => undefined)
}

// --- errors and what can be done ----------------------------------------------------------------------------------------------

function showError(code, more = {}) {
  const values = { model: prefs.model, tunnel: tunnel() }
  const form = ERRORS[code].action === 'enter-key' ? keyField(code) : null
  const card = cards.show(code, { ...more, values, form })
  if (code === 'insecure' && !talk.page?.https_url) card.querySelector('[data-action]').textContent = t('error.insecure.action_none')
}

function keyField(code) {
  return h('label', { for: `key-${code}` }, t('key.label'), h('input', { id: `key-${code}`, type: 'password', autocomplete: 'off', maxlength: 512,
    onkeydown: (event) => event.key === 'Enter' && enterKey(code) }))
}

function enterKey(code) {
  const typed = byId(`key-${code}`).value.trim()
  if (!typed) return byId(`key-${code}`).focus()
  talk.key = typed
  settings.keepKey(typed)
  return start()
}

async function soundOn() {
  await talk.levels.resume()
  await audio.play().then(() => cards.clear('audio-blocked'), () => undefined)
}

function tunnel() {
  const port = location.port || '80'
  return `ssh -L ${port}:localhost:${port} ${location.hostname}`
}

/** What is wrong before a call, or null. */
function obstacle({ microphone = true } = {}) {
  if (!('RTCPeerConnection' in window)) return 'unsupported'
  if (!microphone) return talk.page?.key_needed && !talk.key ? 'key-missing' : null
  if (!window.isSecureContext || !navigator.mediaDevices) return 'insecure'
  if (window !== window.top && document.featurePolicy?.allowsFeature('microphone') === false) return 'framed'
  return obstacle({ microphone: false })
}

let wanted = {}

function start(options = {}) {
  wanted = options
  const wrong = obstacle(options)
  if (wrong) return showError(wrong)
  byId('summary').hidden = true
  return talk.start(options)
}

async function copy(text) {
  await navigator.clipboard?.writeText(text).catch(() => undefined)
  byId('status').textContent = t('copied')
}

// --- views, tabs, turns -------------------------------------------------------------------------------------------------------

const showTabs = tablist(byId('tabs'), 'panel', showPanel)
const showPhone = tablist(byId('phone-tabs'), 'tab', showTab)
const widen = grip(byId('grip'), (width) => settings.keep(prefs, 'inspector', width))

function showView(view) {
  settings.keep(prefs, 'view', view)
  settings.show('view', view)
  root.dataset.view = view
  showTab(view === 'simple' ? 'talk' : root.dataset.tab)
  byId('view').textContent = t(view === 'simple' ? 'view.inspect' : 'view.simple')
  showPanel(prefs.panel)
}

function showPanel(panel) {
  settings.keep(prefs, 'panel', panel)
  root.dataset.panel = panel
  showTabs(panel)
  if (root.dataset.tab !== 'talk') showPhone(root.dataset.tab = panel)
  if (panel === 'events') log.refresh()
  if (panel === 'network') network.panel(byId('panel-network'), talk.line, talk.onSocket)
  if (panel === 'code') drawCode()
}

function showTab(tab) {
  root.dataset.tab = tab
  showPhone(tab)
  if (tab !== 'talk') showPanel(tab)
}

function selectTurn(n) {
  waterfall.selected = n
  if (prefs.view === 'simple') showView('inspect')
  if (matchMedia('(max-width: 600px)').matches) showTab('latency')
  showPanel('latency')
  ui.turns()
  log.refresh()
}

function drawCode() {
  const rows = Object.entries(snippets(location.origin, prefs.model || 'local'))
  fill(byId('panel-code'), h('p', {}, t('code.intro')), rows.map(([name, code]) => h('section', {}, h('h3', {}, name),
    h('pre', { dir: 'ltr', tabindex: 0, aria: { label: name } }, code), h('button', { type: 'button', onclick: () => copy(code) }, t('copy')))))
}

function showTheme() {
  theme.apply(prefs.theme)
  byId('theme').textContent = theme.sign(prefs.theme)
  byId('theme').setAttribute('aria-label', t(`theme.${prefs.theme}`))
  byId('theme').title = t(`theme.${prefs.theme}`)
}

function view(saved) {
  talk.view(saved)
  ui.fresh()
  root.dataset.state = 'ended'
  transcript.draw(talk.conversation.rows, talk.conversation.turns)
  ui.turns()
  hint('hint.dropped')
}

// --- wiring -------------------------------------------------------------------------------------------------------------------

function pick() {
  prefs.model = picks.models(byId('model'), talk.page, prefs.model)
  prefs.voice = picks.voices(byId('voice-pick'), talk.page, prefs.model, prefs.voice)
}

function on(id, type, act) {
  byId(id).addEventListener(type, act)
}

function tell(name) {
  if (name === 'caption') root.style.setProperty('--caption', `${prefs.caption}px`)
  if (name === 'headphones') talk.changeMicrophone()
  if (['ptt', 'silence', 'instructions', 'voice'].includes(name)) talk.configure()
  showState(talk.state)
}

function choose(name, act) {
  on(name, 'change', ({ target }) => {
    settings.keep(prefs, name, target.value)
    act()
  })
}

function typed(event) {
  event.preventDefault()
  const text = byId('text').value.trim()
  if (!text) return
  if (talk.type(text)) byId('text').value = ''
  else hint('hint.not_connected')
}

on('start', 'click', () => start())
on('without', 'click', () => start({ microphone: false }))
on('again', 'click', () => start())
on('end', 'click', () => talk.end())
on('mute', 'click', () => talk.mute(!talk.state.muted))
on('stop', 'click', () => talk.stopAgent())
on('write', 'submit', typed)
on('copy-text', 'click', () => copy(asLines(talk.conversation.rows)))
on('view', 'click', () => showView(prefs.view === 'simple' ? 'inspect' : 'simple'))
on('theme', 'click', () => {
  settings.keep(prefs, 'theme', theme.after(prefs.theme))
  showTheme()
})
for (const [type, down] of [['pointerdown', true], ['pointerup', false], ['pointercancel', false], ['pointerleave', false]]) on('hold', type, () => talk.hold(down))
on('hold', 'keydown', ({ key, repeat }) => [' ', 'Enter'].includes(key) && !repeat && talk.hold(true))
on('hold', 'keyup', ({ key }) => [' ', 'Enter'].includes(key) && talk.hold(false))
choose('model', () => {
  settings.show('model', prefs.model)
  pick()
})
choose('voice', () => tell('voice'))
choose('microphone', () => {
  cards.clear('mic-silent')
  talk.changeMicrophone()
})
choose('speaker', () => audio.setSinkId?.(prefs.speaker).catch(() => undefined))
navigator.mediaDevices?.addEventListener('devicechange', async () => {
  const before = byId('microphone').options.length + byId('speaker').options.length - 2
  if ((await picks.devices(byId('microphone'), byId('speaker'), prefs)) > before && states.live(talk.state)) hint('hint.device')
})
document.addEventListener('visibilitychange', () => {
  if (document.hidden || states.busy(talk.state)) return
  readiness.draw(byId('readiness'), talk.page, talk.key)
})
addEventListener('pagehide', () => states.busy(talk.state) && talk.end())
keys.listen({
  mute: () => talk.mute(!talk.state.muted), stop: () => talk.stopAgent(), end: () => states.busy(talk.state) && talk.end(),
  type: () => byId('text').focus(), help: () => byId('help').showModal(), hold: (down) => talk.hold(down),
  tab: (n) => prefs.view === 'inspect' && showPanel(PANELS[n]),
  filter: () => {
    if (prefs.view === 'simple') showView('inspect')
    showPanel('events')
    byId('filter').focus()
  },
}, () => prefs.shortcuts, () => prefs.ptt && states.live(talk.state))
dialogs.help()
dialogs.preferences(prefs, tell)
dialogs.takeAway(talk, copy, view, () => hint('hint.no_file'))
picks.options(byId('direction'), ['all', 'in', 'out', 'page'].map((name) => [name === 'all' ? '' : name, t(`direction.${name}`)]), '')
picks.options(byId('group'), ['all', 'session', 'audio', 'items', 'response', 'page', 'error'].map((name) => [name === 'all' ? '' : name, t(`group.${name}`)]), '')
showTheme()

// --- the start ------------------------------------------------------------------------------------------------------------------

showView(prefs.view)
widen(prefs.inspector)
tell('caption')
ui.turns()
ui.line()
talk.page = undefined
readiness.draw(byId('readiness'), undefined, '')
talk.page = await readiness.ask()
talk.key = settings.key() || talk.page?.key || ''
pick()
drawCode()
await picks.devices(byId('microphone'), byId('speaker'), prefs)
await readiness.draw(byId('readiness'), talk.page, talk.key)
const wrong = obstacle()
if (wrong && wrong !== 'key-missing') showError(wrong)
if (talk.page === null) showError('offline')
root.dataset.ready = 'yes'
