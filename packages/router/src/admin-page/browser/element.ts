type Child = Node | string | number | null | undefined | false;

/** What an element is made with: attributes, `true` for one without a value, and handlers as `on…`. */
export interface ElementProperties {
  readonly [attribute: string]: string | number | boolean | null | undefined | ((event: Event) => void);
}

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an element. Text stays text: there is no way from here to markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: ElementProperties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  return furnish(document.createElement(tag), properties, children);
}

/** Makes an element of SVG. */
export function svgElement<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  properties: ElementProperties = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  return furnish(document.createElementNS(SVG, tag), properties, children);
}

function furnish<Made extends Element>(made: Made, properties: ElementProperties, children: readonly Child[]): Made {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    made.append(child instanceof Node ? child : String(child));
  }
  return made;
}

/** Puts new content in an element's place, and the focus back where its holder has a successor of the same id. */
export function replaceContent(container: Element, content: readonly Node[]): void {
  const { activeElement } = document;
  const focused = activeElement !== null && container.contains(activeElement) ? activeElement.id : '';
  container.replaceChildren(...content);
  if (focused !== '') document.getElementById(focused)?.focus({ preventScroll: true });
}

let ids = 0;

/** An id that no other element has. */
export function freshId(): string {
  ids += 1;
  return `part-${ids}`;
}
