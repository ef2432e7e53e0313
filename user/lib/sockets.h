/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's two sockets, by their paths: daemon and command name the second one alike. */
#ifndef SHUNT_SOCKETS_H
#define SHUNT_SOCKETS_H

#define SOCKET_DEFAULT "/run/shunt/shunt.sock"

/* The socket for reading that is beside one for everything: "shunt.sock" has "shunt-ro.sock", "shunt" has "shunt-ro". Owned by the
 * caller. */
char *socket_for_reading(const char *path);

#endif
