// Shows the OpenAPI document: every operation with its roles, parameters, bodies and answers.

const METHODS = ['get', 'post', 'put', 'delete', 'patch'];

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

const main = document.getElementById('operations');
const contents = document.getElementById('contents');
const find = document.getElementById('find');

try {
  const response = await fetch('/api/v1/openapi.json');
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  show(await response.json());
} catch (error) {
  main.replaceChildren(element('p', { role: 'alert' }, `The document cannot be read: ${error.message}`));
}

function show(document_) {
  const byTag = new Map();
  for (const [path, item] of Object.entries(document_.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const tag = operation.tags?.[0] ?? 'other';
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push({ path, method, operation });
    }
  }
  main.replaceChildren();
  contents.replaceChildren();
  for (const [tag, operations] of [...byTag].sort(([a], [b]) => a.localeCompare(b))) {
    const heading = element('h2', {}, tag);
    const links = element('div', {}, element('h2', {}, tag));
    main.append(heading);
    for (const entry of operations) {
      const section = describe(document_, entry);
      main.append(section);
      links.append(element('a', { href: `#${section.id}` },
        element('span', { class: `method ${entry.method}` }, entry.method), ` ${entry.path.replace('/api/v1', '')}`));
    }
    contents.append(links);
  }
  main.append(element('h2', {}, 'schemas'), ...Object.entries(document_.components?.schemas ?? {})
    .map(([name, schema]) => element('details', { id: `schema-${name}` },
      element('summary', {}, element('code', {}, name)), element('pre', {}, shape(document_, schema, 0)))));
  find.addEventListener('input', () => filter(find.value.trim().toLowerCase()));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

function filter(words) {
  for (const section of main.querySelectorAll('section.operation')) {
    section.hidden = words !== '' && !section.textContent.toLowerCase().includes(words);
  }
  for (const link of contents.querySelectorAll('a')) {
    link.hidden = document.getElementById(link.getAttribute('href').slice(1))?.hidden ?? false;
  }
}

function describe(document_, { path, method, operation }) {
  const roles = operation['x-roles'];
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(document_, parameter));
  const body = operation.requestBody && resolve(document_, operation.requestBody);
  return element('section', { class: 'operation', id: operation.operationId },
    element('h3', {}, element('span', { class: `method ${method}` }, method), ' ', element('code', {}, path)),
    element('p', {}, element('strong', {}, operation.summary ?? ''), ' ', operation.description ?? ''),
    element('p', { class: 'roles' }, roles ? `Roles: ${roles.join(', ')}` : 'Without sign-in'),
    parameters.length ? element('h4', {}, 'Parameters') : null,
    parameters.length ? element('table', {}, ...parameters.map((parameter) => element('tr', {},
      element('td', {}, element('code', {}, parameter.name), parameter.required ? ' *' : ''),
      element('td', {}, parameter.in),
      element('td', {}, brief(document_, parameter.schema)),
      element('td', {}, parameter.description ?? '')))) : null,
    body ? element('h4', {}, 'Body') : null,
    ...(body ? contentsOf(document_, body.content) : []),
    element('h4', {}, 'Answers'),
    ...Object.entries(operation.responses).map(([status, answer]) => {
      const resolved = resolve(document_, answer);
      if (!status.startsWith('2')) return element('div', {}, element('code', {}, status), ` ${resolved.description}`);
      return element('div', {}, element('code', {}, status), ` ${resolved.description}`, ...contentsOf(document_, resolved.content));
    }));
}

function contentsOf(document_, content = {}) {
  return Object.entries(content).map(([type, { schema }]) => element('details', { open: '' },
    element('summary', {}, type), element('pre', {}, schema ? shape(document_, schema, 0) : '')));
}

function resolve(document_, thing) {
  if (!thing?.$ref) return thing;
  return thing.$ref.slice(2).split('/').reduce((place, key) => place?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document_);
}

function brief(document_, schema) {
  if (!schema) return '';
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.enum) return schema.enum.join(' | ');
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return several.map((part) => brief(document_, part)).join(' | ');
  const type = [schema.type].flat().filter(Boolean).join(' | ');
  const bounds = [['minimum', '≥'], ['maximum', '≤'], ['default', 'default']]
    .filter(([key]) => schema[key] !== undefined).map(([key, sign]) => `${sign} ${schema[key]}`).join(', ');
  return [schema.type === 'array' ? `[${brief(document_, schema.items)}]` : type, schema.format, bounds].filter(Boolean).join(' ');
}

// A schema as indented text; four levels deep, then names only.
function shape(document_, schema, depth) {
  if (!schema) return 'anything';
  if (schema.$ref) return depth > 3 ? brief(document_, schema) : shape(document_, resolve(document_, schema), depth);
  const pad = '  '.repeat(depth + 1);
  const end = '  '.repeat(depth);
  if (schema.allOf) return schema.allOf.map((part) => shape(document_, part, depth)).join(' and ');
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return several.map((part) => shape(document_, part, depth)).join(`\n${end}or `);
  if (schema.properties) {
    const lines = Object.entries(schema.properties).map(([name, part]) => {
      const required = schema.required?.includes(name) ? '*' : '';
      const about = part.description ? `  // ${part.description.split('\n')[0]}` : '';
      return `${pad}${name}${required}: ${shape(document_, part, depth + 1)}${about}`;
    });
    return `{\n${lines.join('\n')}\n${end}}`;
  }
  if (schema.type === 'array') return `[${shape(document_, schema.items, depth)}]`;
  return brief(document_, schema) || 'anything';
}
