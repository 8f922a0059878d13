import { secureFetchFactory } from '../secure-fetch/create-secure-fetch.ts';
import { nodePlatform } from './node-platform.ts';

/** `createSecureFetch` with Node's transport and cryptography. */
export const createSecureFetch = secureFetchFactory(nodePlatform);
