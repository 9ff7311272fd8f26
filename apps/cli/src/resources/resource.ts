import type { Column } from '../output/printer.js';

export type FieldKind =
  /** Text as it stands. */
  | 'text'
  | 'integer'
  | 'boolean'
  /** The option may be repeated. */
  | 'list'
  /** `key=value`, repeated; an object in the body. */
  | 'tags';

/** A member of a request's body or query, and with it an option of the command line. */
export interface Field {
  /** As the API has it: `cidrBlock`, given as `--cidr-block`. */
  name: string;
  about: string;
  /** The option's name when it is not the member's: `--role` for `roles`. */
  option?: string;
  kind?: FieldKind;
  required?: boolean;
  /** An empty text on the command line is sent as null: takes a name away. */
  nullable?: boolean;
}

/** One route of the API, as a command. Ids in its path are the command's arguments, in order. */
export interface Verb {
  name: string;
  /** Earlier or shorter names. */
  aliases?: string[];
  about: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  body?: Field[];
  query?: Field[];
  /** A page of many: shown as a table of these columns. */
  list?: Column[];
  /** The reply is text, or bytes, and written as it comes; otherwise it is JSON. */
  raw?: boolean;
  /** Asked about before it happens. */
  dangerous?: boolean;
  /** The member of the reply that is the data, when a person asks for it: the configuration in its envelope. */
  textMember?: string;
}

/** A kind of thing, and all that can be done with it. */
export interface Resource {
  noun: string;
  aliases?: string[];
  about: string;
  verbs: Verb[];
}

export const NAME: Field = { name: 'name', about: 'a name for people', nullable: true };
export const TAGS: Field = { name: 'tags', option: 'tag', about: 'a tag, key=value; may be repeated', kind: 'tags' };
const NAME_TO_CREATE: Field = { name: 'name', about: 'a name for people' };
const BY_TAG: Field = { name: 'tag', about: 'only those with this tag: key:value, or key alone', kind: 'list' };

interface Standard {
  noun: string;
  /** What is spoken of: `a VPC`, `VPCs`. */
  one: string;
  many: string;
  /** Of the collection: `/v1/vpcs`. */
  path: string;
  /** The name of the id in the API's routes: `vpcId`. */
  id: string;
  columns: Column[];
  create: Field[];
  update?: Field[];
  filters?: Field[];
  /** What can be said when one is read. */
  reading?: Field[];
  /** Has a name and tags of its own, by which it is found. */
  tagged?: boolean;
  /** The API calls them so: `release` for `delete`, ... */
  names?: Partial<Record<'create' | 'delete', string>>;
  further?: Verb[];
}

/** The usual five verbs of a resource, and what else it can do. */
export function standard(of: Standard): Resource {
  const { noun, one, many, path, id, columns, filters = [], reading, tagged = true, names = {}, further = [] } = of;
  const item = `${path}/{${id}}`;
  const named = (verb: 'create' | 'delete') => ({ name: names[verb] ?? verb, aliases: names[verb] ? [verb] : [] });
  const update = of.update ?? (tagged ? [NAME, TAGS] : []);
  const create = tagged ? [...of.create, NAME_TO_CREATE, TAGS] : of.create;
  return {
    noun,
    aliases: [`${path.slice(path.lastIndexOf('/') + 1)}`].filter((alias) => alias !== noun),
    about: many,
    verbs: [
      { ...named('create'), about: `create ${one}`, method: 'POST', path, body: create },
      {
        name: 'list',
        aliases: ['ls'],
        about: `list ${many}`,
        method: 'GET',
        path,
        list: columns,
        query: tagged ? [...filters, BY_TAG] : filters,
      },
      { name: 'get', aliases: ['show'], about: `read ${one}`, method: 'GET', path: item, query: reading },
      ...(update.length > 0
        ? [{ name: 'update', about: `change ${one}`, method: 'PATCH', path: item, body: update } satisfies Verb]
        : []),
      { ...named('delete'), about: `delete ${one}`, method: 'DELETE', path: item, dangerous: true },
      ...further,
    ],
  };
}
