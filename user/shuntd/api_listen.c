/* SPDX-License-Identifier: GPL-2.0 */
#include "api_listen.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/xalloc.h"

/* Is a daemon listening at address? A full queue (EAGAIN) is one as well. */
static bool socket_answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answers;

	if (fd < 0)
		return false;
	answers = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;
	close(fd);
	return answers;
}

/* Only a socket that nobody answers is ours to remove. */
static int remove_stale(const struct sockaddr_un *address, struct shunt_err *err)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : shunt_fail(err, errno, path, "cannot stat it: %s", strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return shunt_fail(err, EEXIST, path, "exists and is not a socket; remove it or name another path");
	if (socket_answers(address))
		return shunt_fail(err, EADDRINUSE, path, "a daemon answers here already; stop it or name another path");
	if (unlink(path) && errno != ENOENT)
		return shunt_fail(err, errno, path, "cannot remove the stale socket: %s", strerror(errno));
	return 0;
}

/* /run is empty after a boot: make the directory. Only the last component, a missing parent is likelier a typo. */
static int make_directory(const char *socket_path, struct shunt_err *err)
{
	char *directory = xstrdup(socket_path);
	char *slash = strrchr(directory, '/');
	int ret = 0;

	if (slash && slash != directory) {
		*slash = '\0';
		if (mkdir(directory, 0755) && errno != EEXIST)
			ret = shunt_fail(err, errno, directory, "cannot make the socket's directory: %s",
					 strerror(errno));
	}
	free(directory);
	return ret;
}

/* bind() takes the mode from the umask, so that the socket is never there with another one. */
static int bind_socket(int fd, const struct sockaddr_un *address)
{
	mode_t umask_before = umask(0117);
	int ret = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;

	umask(umask_before);
	return ret;
}

/* It is nobody else's meanwhile: the group that it had is the daemon's own. */
static int give_to_group(const char *path, const char *name, struct shunt_err *err)
{
	const struct group *group = getgrnam(name);

	if (!group)
		return shunt_fail(err, ENOENT, path, "no group \"%s\" on this machine; make it, or name another", name);
	if (chown(path, (uid_t)-1, group->gr_gid))
		return shunt_fail(err, errno, path,
				  "cannot give it to group %s: %s; the daemon needs CAP_CHOWN, or to be in the group",
				  name, strerror(errno));
	return 0;
}

static int bind_and_listen(struct api_listener *listener, const struct sockaddr_un *address, const char *group,
			   int backlog, struct shunt_err *err)
{
	const char *path = address->sun_path;
	int ret;

	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return shunt_fail(err, errno, path, "cannot make a socket: %s", strerror(errno));
	ret = bind_socket(listener->fd, address);
	if (ret)
		return shunt_fail(err, -ret, path, "cannot bind the socket: %s", strerror(-ret));
	strcpy(listener->path, path);
	if (lstat(path, &listener->stat))
		return shunt_fail(err, errno, path, "cannot stat it: %s", strerror(errno));
	ret = group ? give_to_group(path, group, err) : 0;
	if (ret == 0 && listen(listener->fd, backlog))
		ret = shunt_fail(err, errno, path, "cannot listen: %s", strerror(errno));
	return ret;
}

int api_listen(struct api_listener *listener, const char *path, const char *group, int backlog, struct shunt_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int ret;

	*listener = (struct api_listener){.fd = -1};
	if (strlen(path) >= sizeof(address.sun_path))
		return shunt_fail(err, ENAMETOOLONG, path,
				  "too long for a Unix socket, expected at most %zu characters",
				  sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	ret = make_directory(path, err);
	if (ret == 0)
		ret = remove_stale(&address, err);
	if (ret == 0)
		ret = bind_and_listen(listener, &address, group, backlog, err);
	return ret;
}

void api_unlisten(struct api_listener *listener)
{
	struct stat st;

	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
	/* Not that of a daemon that took our place. */
	if (listener->path[0] && lstat(listener->path, &st) == 0 && st.st_dev == listener->stat.st_dev &&
	    st.st_ino == listener->stat.st_ino)
		unlink(listener->path);
	listener->path[0] = '\0';
}
