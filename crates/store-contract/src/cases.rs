//! The cases in groups, and the one list of them.

use std::future::Future;
use std::pin::Pin;

use crate::bench::Bench;

mod advance;
mod after;
mod commit;
mod config_reads;
mod configs;
mod create;
mod due;
mod expiry;
mod failing;
mod idempotency;
mod lease;
mod list;
mod log;
mod marks;
mod memory;
mod paging;
mod races;
mod read;
mod steps;

/// One case: a behaviour that the contract requires.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its module and name, which are also the test's name.
    pub name: &'static str,
    run: fn(Bench) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Case {
    /// Runs the case on a bench whose store is empty. A panic is a failure.
    pub async fn run(&self, bench: Bench) {
        (self.run)(bench).await;
    }
}

/// Runs the case of this name; see [`CASES`].
pub async fn run(name: &str, bench: Bench) {
    let case = CASES.iter().find(|case| case.name == name).expect("a case of this name");
    case.run(bench).await;
}

macro_rules! list_cases {
    ($($module:ident { $($case:ident)+ })+) => {
        /// Every case.
        pub static CASES: &[Case] = &[$($(
            Case {
                name: concat!(stringify!($module), "::", stringify!($case)),
                run: |bench| Box::pin($module::$case(bench)),
            },
        )+)+];
    };
}

/// Passes the list of cases to another macro. The compiler reports a case that is missing here as
/// dead code.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_case {
    ($($callback:tt)+) => {
        $($callback)+! {
            create {
                a_new_task_is_read_back
                a_new_task_is_listed_and_due
                a_second_task_with_its_key_meets_the_first
                a_second_task_meets_the_first_as_it_is_by_then
                the_same_write_twice_makes_one_task
                the_same_large_write_twice_makes_one_task
                the_same_id_in_another_tenant_is_another_task
                a_message_of_the_largest_size_is_stored
                a_message_that_is_too_large_is_refused_whole
                a_late_large_duplicate_changes_nothing
                any_id_is_taken_as_it_is
            }
            read {
                a_missing_task_is_none
                a_task_of_another_tenant_is_none
                a_write_is_seen_as_soon_as_it_is_answered
                reading_changes_nothing
                a_glance_is_of_the_task_as_it_is_or_was
            }
            commit {
                a_claim_is_stored
                messages_in_every_open_phase_are_stored
                updates_are_stored
                both_interruptions_are_stored
                a_wait_is_stored
                a_turn_that_finds_mail_goes_on
                every_ending_is_stored
                a_cancel_is_stored_from_every_open_phase
                a_direct_answer_is_stored
                retries_are_stored_until_the_last_fails
                a_claim_too_many_ends_the_task
                the_sweep_s_decisions_are_stored
                a_message_moves_the_position_and_no_generation
                a_checkpoint_comes_and_goes
                follow_up_keys_are_remembered
                a_stale_revision_changes_nothing
                an_unseen_change_makes_a_base_stale
                a_revision_that_is_yet_to_come_changes_nothing
                a_missing_task_is_lost
                the_same_write_again_is_done
                an_old_write_again_changes_nothing
                a_too_large_commit_is_refused_whole
                other_tasks_stay_as_they_are
                the_largest_checkpoint_and_entry_fit_together
            }
            idempotency {
                the_same_key_meets_the_first_task
                other_content_under_the_key_is_told_apart
                another_owners_key_makes_another_task
                the_fingerprint_stays_for_the_tasks_life
            }
            lease {
                its_holder_renews_it
                its_holder_renews_it_late
                renewing_it_changes_nothing_else
                renewing_it_leaves_the_holders_next_commit_alone
                a_stale_token_renews_nothing
                a_canceled_task_is_shown_to_its_holder
                without_it_nothing_is_renewed
                of_a_missing_task_is_lost
                a_commit_that_leaves_it_alone_keeps_a_renewal
                a_holders_commit_sets_it_anew
                when_expired_it_is_taken_over
                once_renewed_it_is_not_taken_over
                once_renewed_it_does_not_expire
                a_stale_holder_changes_nothing
                a_holders_commit_after_a_cancel_changes_nothing
                a_repeated_takeover_is_known_again
            }
            log {
                of_300_small_chunks_is_whole
                of_large_entries_is_whole
                of_the_largest_entries_is_whole
                of_mixed_sizes_is_whole
                of_entries_that_share_a_commit_is_in_order
                of_a_commit_beyond_one_item_is_whole
                has_the_tail_as_its_end
                keeps_json_to_the_letter
                keeps_every_field_of_a_message
                adds_up_to_the_task
                of_a_task_that_is_over_stays
                has_nothing_of_a_lost_write
                is_safe_from_bases_of_long_ago
            }
            after {
                any_entry_of_a_missing_task_is_none
                each_of_a_few_entries_is_the_rest
                each_of_300_small_chunks_is_the_rest
                each_of_large_entries_is_the_rest
                each_of_many_large_entries_is_the_rest
                each_of_the_largest_entries_is_the_rest
                each_of_mixed_sizes_is_the_rest
                each_that_shares_a_commit_is_the_rest
                each_of_a_commit_beyond_one_item_is_the_rest
                reads_skip_the_remains_of_losers
                an_unseen_change_is_the_new_head
                each_commit_a_follower_is_up_to_date
            }
            races {
                of_two_writers_one_wins
                of_two_large_writers_one_wins
                of_many_claims_one_wins
                of_many_takeovers_one_wins
                of_many_creators_one_wins
                the_same_write_at_once_is_made_once
                many_writers_lose_nothing
                a_renewal_and_a_takeover_exclude_each_other
                nothing_follows_a_cancel
                a_deep_read_beside_a_writer_is_whole
                a_loser_wins_with_the_state_it_was_shown
                a_follower_beside_a_writer_misses_nothing
                a_log_of_many_writers_can_be_followed
            }
            list {
                of_nothing_is_empty
                the_newest_status_comes_first
                ties_are_in_descending_order_of_id
                a_listed_task_is_shown_as_it_is
                a_context_is_listed_alone
                a_context_that_a_task_began_is_listed_whole
                every_state_is_listed_alone
                a_time_to_begin_with_is_included
                conditions_must_hold_together
                an_owner_is_shown_nothing_of_others
                a_tenant_is_shown_nothing_of_others
                a_task_behind_a_direct_answer_is_hidden
                a_status_change_moves_a_task_to_the_front
                a_task_that_lists_show_at_work_between_two_pages_is_on_one
                a_status_is_listed_as_the_log_has_it
                large_tasks_do_not_end_it_early
            }
            paging {
                pages_of_any_size_show_each_task_once
                tasks_of_one_millisecond_are_shown_once
                many_tasks_are_shown_once
                conditions_hold_on_every_page
                a_page_that_holds_all_has_no_next
                behind_the_last_task_is_nothing
                any_place_can_be_begun_from
                a_place_outside_of_the_time_asked_for_is_a_place
                the_count_is_of_all_pages
                nothing_is_counted_unasked
                changes_meanwhile_neither_repeat_nor_hide
            }
            due {
                an_empty_store_has_nothing_due
                a_task_is_in_its_own_shard_only
                a_task_is_found_from_its_time_on
                the_earliest_come_first
                a_limit_cuts_off_the_latest
                pages_of_any_size_show_each_task_once
                a_task_that_was_moved_is_still_a_place_to_go_on_from
                tasks_due_at_the_same_time_are_each_on_one_page
                tasks_due_at_the_same_time_are_all_found
                every_tenants_tasks_are_found
                a_task_that_is_over_is_not_due
                a_task_that_waits_for_its_user_is_not_due
                a_moved_time_is_found_where_it_is_now_only
                the_index_follows_the_head
                a_task_at_rest_is_due_for_its_pushes
                the_index_follows_the_mark
                the_end_of_time_is_a_time
            }
            expiry {
                a_small_task_that_is_over_has_a_time_to_live
                a_larger_task_that_is_over_is_due_at_its_time
                a_task_that_waits_for_its_user_is_due_at_its_time
                an_expired_task_is_not_listed
                pages_skip_expired_tasks
                a_deleted_task_is_not_listed
                a_later_task_takes_the_place_of_an_expired_one
                a_later_task_takes_the_place_of_one_that_is_gone
                a_task_that_has_changed_is_not_replaced
                the_same_replacement_twice_is_one
                of_many_replacements_at_once_one_wins
                nothing_of_an_earlier_task_is_read
                a_writer_of_an_earlier_task_changes_nothing
                a_purge_leaves_nothing
                a_purge_is_made_in_pages
                a_purge_of_a_task_that_has_changed_leaves_it
                a_purge_of_an_earlier_task_leaves_the_later_one
                a_purge_leaves_configs_of_a_later_task
                a_purge_deletes_the_remains_of_others
                other_tasks_stay_as_they_are
            }
            configs {
                one_is_read_back
                one_without_anything_optional_is_read_back
                both_versions_are_kept
                any_time_and_any_cursor_are_kept
                every_part_of_the_delivery_is_kept
                every_character_of_its_texts_is_kept
                a_large_one_is_kept
                any_id_is_taken_as_it_is
                another_put_replaces_it_whole
                makings_of_one_config_are_apart
                the_same_put_twice_is_one
                a_missing_one_is_none
                one_of_a_missing_task_is_kept
                deleted_it_is_gone
                deleting_it_again_changes_nothing
                deleting_a_missing_one_changes_nothing
                tasks_and_tenants_have_their_own
                deleting_is_of_one_task_alone
                the_task_does_not_have_them
                they_survive_commits
                a_task_that_is_over_takes_them
                of_those_put_at_once_one_stays
            }
            config_reads {
                of_nothing_are_empty
                find_exactly_the_requested_configs
                of_large_configs_are_whole
                are_of_one_task
                see_every_write
                skip_other_configs
            }
            advance {
                the_next_takes_its_place
                all_of_it_is_stored
                every_part_of_the_delivery_is_stored
                another_write_stands_in_its_way
                only_its_own_mark_will_do
                a_replaced_one_is_left_alone
                a_deleted_one_does_not_come_back
                a_missing_one_is_not_made
                the_same_write_again_is_known
                a_put_takes_the_place_of_an_advanced_one
                others_stay_as_they_are
                the_task_is_left_alone
                of_many_at_once_one_wins
                the_same_at_once_is_made_once
                many_writers_lose_nothing
                a_delete_or_a_put_at_once_has_the_last_word
            }
            failing {
                of_nothing_is_empty
                shows_only_those_in_trouble
                shows_each_in_its_tasks_shard_only
                begins_with_the_oldest_trouble
                in_pages_of_any_size_shows_each_once
                in_pages_shows_each_of_the_same_time_once
                goes_on_from_one_that_is_not_there_any_more
                forgets_recovered_configs
                shows_one_once
                shows_disabled_ones
                is_kept_apart_from_due_tasks
                shows_those_of_any_task_and_id
                shows_those_of_any_time
            }
            memory {
                of_nothing_is_empty
                every_part_of_an_entry_is_kept
                the_first_writer_of_a_number_wins
                an_entry_is_replaced_by_its_write
                the_same_write_again_is_known
                of_many_writers_at_once_one_wins
                entries_come_newest_first_in_pages_of_any_size
                entries_of_a_range_are_in_it
                large_entries_are_read_whole
                what_is_too_large_is_refused_whole
                every_part_of_a_value_is_kept
                a_value_is_replaced_by_its_write
                conversations_are_apart
                forgetting_takes_all_in_parts_of_any_size
                tasks_are_left_alone
            }
            marks {
                of_a_task_without_configs_are_none
                of_a_new_task_are_kept
                of_a_new_task_are_shown_to_the_second
                of_every_kind_are_kept
                of_no_configs_stay_empty
                name_their_configs
                keep_their_epoch
                keep_until_when_they_are_held
                keep_for_when_a_signal_was_sent
                come_with_the_agent_s_output
                change_alone
                and_renewals_leave_each_other_alone
                are_no_lease
                of_a_stale_base_change_nothing
                that_are_written_again_are_known
                go_on_after_the_task_is_over
                of_many_claims_at_once_are_ones
                are_not_settled_beside_news
            }
            steps {
                of_a_new_scope_are_none
                of_every_state_are_kept
                of_any_text_are_kept
                of_a_missing_task_are_kept
                the_first_writer_wins
                one_is_replaced_by_who_knows_its_write
                one_that_is_gone_is_not_replaced
                the_same_write_again_is_known
                each_scope_has_its_own
                a_read_sees_every_write
                a_large_one_is_kept_and_many_are_read
                one_that_is_too_large_is_refused_whole
                of_many_writers_at_once_one_wins
                are_no_part_of_the_task
                go_with_a_purge
                of_a_later_task_stay_in_a_purge
            }
        }
    };
}

for_each_case!(list_cases);
