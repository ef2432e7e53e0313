/* SPDX-License-Identifier: GPL-2.0 */
/* The model in force, and what is worth a line when another one takes its place. */
#include <string.h>

#include "../lib/log.h"
#include "daemon.h"

/* In the model before; its order hardly ever changes. NULL: it is new. */
static const struct model_service *find_service(const struct model *model, const char *name, size_t likely)
{
	if (!model)
		return NULL;
	if (likely < model->service_count && !strcmp(model->services[likely].name, name))
		return &model->services[likely];
	for (size_t i = 0; i < model->service_count; i++)
		if (!strcmp(model->services[i].name, name))
			return &model->services[i];
	return NULL;
}

static void tell_panic(const struct model_service *was, const struct model_service *is)
{
	bool panicked = was && was->panics;

	if (is->panics && !panicked)
		log_warning("%s: only %u of %u backends are healthy, fewer than `panic` asks for: all that can be "
			    "reached are used",
			    is->name, is->healthy, is->asked);
	if (!is->panics && panicked)
		log_info("%s: %u of %u backends are healthy: those that are not are out again", is->name, is->healthy,
			 is->asked);
}

void daemon_set_model(struct daemon *d, struct model *model)
{
	for (size_t i = 0; i < model->service_count; i++)
		tell_panic(find_service(d->model, model->services[i].name, i), &model->services[i]);
	model_free(d->model);
	d->model = model;
}
