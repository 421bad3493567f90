/** Two functions that the page offers to the model and runs itself, so that tool calls can be seen without any set-up. */
const TOOLS = {
  roll_dice: {
    description: 'Roll dice and return the number.',
    parameters: { type: 'object', properties: { sides: { type: 'integer', description: 'how many sides', default: 6 } } },
    run: ({ sides = 6 }) => ({ rolled: 1 + Math.floor(Math.random() * Math.min(1000, Math.max(2, Number(sides) || 6))) }),
  },
  get_browser_details: {
    description: 'Browser language, time zone and screen size.',
    parameters: { type: 'object', properties: {} },
    run: () => ({
      language: navigator.language,
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      screen: `${window.innerWidth} by ${window.innerHeight}`,
    }),
  },
}

/** The tools as `session.update` takes them. */
export function offered() {
  return Object.entries(TOOLS).map(([name, { description, parameters }]) => ({ type: 'function', name, description, parameters }))
}

/** Run one; returns whether it worked and the JSON to hand back. */
export function run(name, argumentsText) {
  try {
    const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : null
    if (tool === null) return { ok: false, output: JSON.stringify({ error: `this page has no function ${name}` }) }
    return { ok: true, output: JSON.stringify(tool.run(JSON.parse(argumentsText || '{}') ?? {})) }
  } catch (problem) {
    return { ok: false, output: JSON.stringify({ error: String(problem.message) }) }
  }
}
