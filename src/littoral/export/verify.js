// What `littoral verify` has a page of an exported site do. One function: its argument says what.
async ({ act, device, inputs, picture, calls }) => {
  const state = (window.littoral ??= { models: {}, last: {} });
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const text = (array) => {
    const raw = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const parts = [];
    for (let i = 0; i < raw.length; i += 8192) parts.push(String.fromCharCode(...raw.subarray(i, i + 8192)));
    return { type: array.constructor.name, data: btoa(parts.join("")) };
  };
  const acts = {
    async open() {
      const { load } = await import(new URL("littoral-web.js", document.baseURI).href);
      const start = performance.now();
      const model = (state.models[device] = await load("model.json", { device }));
      return { device: model.device, milliseconds: performance.now() - start };
    },
    async run() {
      const model = state.models[device];
      const given = {};
      for (const [name, { type, data }] of Object.entries(inputs)) given[name] = new globalThis[type](bytes(data).buffer);
      if (picture) {
        const shown = new ImageData(new Uint8ClampedArray(bytes(picture.data).buffer), picture.width);
        given[picture.input] = await model.prepare(shown);
      }
      state.last[device] = given;
      const found = await model.run(given);
      return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, text(values)]));
    },
    async time() {
      const model = state.models[device];
      const taken = [];
      for (let i = 0; i < calls; i++) {
        await model.run(state.last[device]);
        taken.push(model.latency);
      }
      return taken;
    },
  };
  try {
    return { value: await acts[act]() };
  } catch (error) {
    return { error: error.name, message: error.message };
  }
}
