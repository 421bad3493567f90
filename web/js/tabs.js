/** Tab lists by the pattern of the ARIA guide: arrows move and choose, one tab stop. */
export function tablist(root, name, chosen) {
  const tabs = [...root.querySelectorAll('[role="tab"]')]
  const choose = (tab) => chosen(tab.dataset[name])
  for (const tab of tabs) tab.addEventListener('click', () => choose(tab))
  root.addEventListener('keydown', ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key]
    const to = key === 'Home' ? tabs[0] : key === 'End' ? tabs.at(-1) : step && tabs.at((tabs.indexOf(document.activeElement) + step) % tabs.length)
    if (!to) return
    to.focus()
    choose(to)
  })
  return (value) => tabs.forEach((tab) => {
    const is = tab.dataset[name] === value
    tab.setAttribute('aria-selected', String(is))
    tab.tabIndex = is ? 0 : -1
  })
}

/** The edge of the inspector: dragged, or moved with the arrows. `moved(width)` is told in CSS pixels. */
export function grip(handle, moved) {
  const to = (width) => {
    const kept = Math.max(300, Math.min(720, Math.round(width)))
    handle.setAttribute('aria-valuenow', kept)
    document.documentElement.style.setProperty('--inspector', `${kept}px`)
    moved(kept)
  }
  handle.addEventListener('pointerdown', (event) => handle.setPointerCapture(event.pointerId))
  handle.addEventListener('pointermove', (event) => handle.hasPointerCapture(event.pointerId) && to(innerWidth - event.clientX))
  handle.addEventListener('keydown', ({ key }) => {
    const step = { ArrowLeft: 20, ArrowRight: -20 }[key]
    if (step) to(Number(handle.getAttribute('aria-valuenow')) + step)
  })
  return to
}
